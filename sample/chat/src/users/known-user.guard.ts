import {
  BadRequestException,
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Injectable,
} from '@nestjs/common';
import type { Request } from 'express';
import type { User } from './user.js';
import { userOf } from './user-of.js';

/** Only somebody may write. */
@Injectable()
export class KnownUserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context
      .switchToHttp()
      .getRequest<Request & { user: User }>();
    const user = userOf(request);
    if (!user) {
      throw new BadRequestException(
        'Who are you? Say ?id=, or send the cookie that GET /messages or GET /chat has given you',
      );
    }
    // To a cookie another port or subdomain is the same site; to this it is not.
    const from = request.get('Sec-Fetch-Site') ?? 'none';
    if (user.isGuest && from !== 'same-origin' && from !== 'none') {
      throw new ForbiddenException('Only the page of this app may write');
    }
    request.user = user;
    return true;
  }
}
