import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Injectable,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { User } from '../users/user.js';
import { NeedsRole } from './needs-role.decorator.js';

/** Stands behind `SignedInGuard`, which finds the user. */
@Injectable()
export class RoleGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const role = this.reflector.getAllAndOverride(NeedsRole, [
      context.getHandler(),
      context.getClass(),
    ]);
    const { user } = context.switchToHttp().getRequest<{ user: User }>();
    if (role && !user.roles.includes(role)) {
      throw new ForbiddenException(`This is for the role ${role} only`);
    }
    return true;
  }
}
