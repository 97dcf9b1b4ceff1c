import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { SignedInUser } from '../users/user.js';

/** Whom `SignedInGuard` has let through. */
export const CurrentUser = createParamDecorator(
  (_: unknown, context: ExecutionContext) =>
    context.switchToHttp().getRequest<{ user: SignedInUser }>().user,
);
