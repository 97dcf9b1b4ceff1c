import { Reflector } from '@nestjs/core';
import type { Role } from '../users/user.js';

/** Which role a route asks for; checked by `RoleGuard`. */
export const NeedsRole = Reflector.createDecorator<Role>();
