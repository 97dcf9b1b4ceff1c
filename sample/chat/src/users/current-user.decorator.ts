import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { User } from './user.js';

export const CurrentUser = createParamDecorator(
  (_: unknown, context: ExecutionContext): User =>
    context.switchToHttp().getRequest().user,
);
