import { Controller, Get, UseGuards } from '@nestjs/common';
import { SignedInGuard } from '../sessions/signed-in.guard.js';
import type { Person } from './user.js';
import { Users } from './users.js';

@Controller('users')
@UseGuards(SignedInGuard)
export class UsersController {
  constructor(private readonly users: Users) {}

  /** To whom one can write: roles are nobody's business. */
  @Get()
  all(): Person[] {
    return this.users.all().map(({ id, name }) => ({ id, name }));
  }
}
