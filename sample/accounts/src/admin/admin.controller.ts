import {
  Controller,
  Delete,
  HttpCode,
  type MessageEvent,
  Param,
  Put,
  UseGuards,
} from '@nestjs/common';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { type Observable, merge } from 'rxjs';
import { NeedsRole } from '../authorization/needs-role.decorator.js';
import { RoleGuard } from '../authorization/role.guard.js';
import { CurrentUser } from '../sessions/current-user.decorator.js';
import { SignedInGuard } from '../sessions/signed-in.guard.js';
import type { SignedInUser } from '../users/user.js';
import { AdminService } from './admin.service.js';
import { OverviewService } from './overview.service.js';

@Controller('admin')
@UseGuards(SignedInGuard, RoleGuard)
@NeedsRole('admin')
export class AdminController {
  constructor(
    private readonly hub: EventHub,
    private readonly overview: OverviewService,
    private readonly admin: AdminService,
  ) {}

  @Sse('events')
  events(@Connection() connection: SseConnection): Observable<MessageEvent> {
    const activity = this.hub.stream({
      topics: ['admin'],
      rewind: 20,
      for: connection,
    });
    return merge(activity, this.overview.watch());
  }

  @Delete('connections/:id')
  @HttpCode(204)
  disconnect(@CurrentUser() admin: SignedInUser, @Param('id') id: string) {
    return this.admin.disconnect(admin, id);
  }

  @Delete('users/:id/sessions')
  @HttpCode(204)
  disconnectUser(@CurrentUser() admin: SignedInUser, @Param('id') id: string) {
    return this.admin.disconnectUser(admin, id);
  }

  @Put('users/:id/roles/editor')
  @HttpCode(204)
  makeEditor(@CurrentUser() admin: SignedInUser, @Param('id') id: string) {
    return this.admin.setEditor(admin, id, true);
  }

  @Delete('users/:id/roles/editor')
  @HttpCode(204)
  takeEditor(@CurrentUser() admin: SignedInUser, @Param('id') id: string) {
    return this.admin.setEditor(admin, id, false);
  }
}
