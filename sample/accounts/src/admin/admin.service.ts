import { Injectable, NotFoundException } from '@nestjs/common';
import { EventHub, topic } from 'nestjs-sse-hub';
import { ActivityLog } from '../activity/activity-log.js';
import type { AppEvents } from '../app-events.js';
import { SignOut } from '../sessions/sign-out.js';
import type { User } from '../users/user.js';
import { Users } from '../users/users.js';
import { OverviewService } from './overview.service.js';

@Injectable()
export class AdminService {
  constructor(
    private readonly users: Users,
    private readonly signOut: SignOut,
    private readonly hub: EventHub<AppEvents>,
    private readonly overview: OverviewService,
    private readonly activity: ActivityLog,
  ) {}

  /** Ends one stream. Its user stays signed in and may open another. */
  async disconnect(admin: User, connection: string): Promise<void> {
    await this.hub.disconnect({ connection });
    this.activity.add(admin, `ended the connection ${connection}`);
  }

  /** Ends a user's sessions and streams. */
  async disconnectUser(admin: User, id: string): Promise<void> {
    const user = this.find(id);
    await this.signOut.everywhere(id, 'revoked');
    this.activity.add(admin, `disconnected ${user.name}`);
  }

  async setEditor(admin: User, id: string, isEditor: boolean): Promise<void> {
    const user = this.find(id);
    this.users.setRole(id, 'editor', isEditor);
    // Asks the policies of the user's streams again: the newsroom's ends, what is
    // still allowed goes on.
    try {
      await this.hub.refresh({ user: id });
    } finally {
      // The role is changed, whatever has become of the streams.
      await this.hub.publish(topic('users', id), {
        type: 'account.changed',
        data: { roles: this.find(id).roles },
      });
    }
    this.overview.changed();
    this.activity.add(
      admin,
      isEditor
        ? `made ${user.name} an editor`
        : `took the editor role from ${user.name}`,
    );
  }

  private find(id: string): User {
    const user = this.users.find(id);
    if (!user) {
      throw new NotFoundException(`There is no user ${id}`);
    }
    return user;
  }
}
