import { Injectable } from '@nestjs/common';
import { DEMO_USERS } from './demo-users.js';
import { matches } from './password.js';
import type { Role, User } from './user.js';

// Compared with when there is no such user, so that the time an answer takes does
// not tell which names exist.
const NOBODY = DEMO_USERS[0].passwordHash;

/** The users, in memory. Roles that were changed are as before after a restart. */
@Injectable()
export class Users {
  private readonly roles = new Map(
    DEMO_USERS.map(({ id, roles }) => [id, roles]),
  );

  all(): User[] {
    return DEMO_USERS.map(({ id, name }) => ({
      id,
      name,
      roles: this.roles.get(id) ?? [],
    }));
  }

  find(id: string): User | undefined {
    return this.all().find((user) => user.id === id);
  }

  async findByPassword(
    id: string,
    password: string,
  ): Promise<User | undefined> {
    const known = DEMO_USERS.find((user) => user.id === id);
    const isRight = await matches(password, known?.passwordHash ?? NOBODY);
    return known && isRight ? this.find(id) : undefined;
  }

  /** Gives or takes a role. */
  setRole(id: string, role: Role, has: boolean): void {
    const others = (this.roles.get(id) ?? []).filter((one) => one !== role);
    this.roles.set(id, has ? [...others, role] : others);
  }
}
