import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
} from '@nestjs/common';
import type { Request } from 'express';
import { newGuest } from './guest.js';
import type { User } from './user.js';
import { userOf } from './user-of.js';

/** Anybody may listen: who is nobody yet becomes a guest. */
@Injectable()
export class AnybodyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context
      .switchToHttp()
      .getRequest<Request & { user: User }>();
    request.user = userOf(request) ?? newGuest(request);
    return true;
  }
}
