import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
} from '@nestjs/common';
import type { Request } from 'express';
import type { SignedInUser } from '../users/user.js';
import { readSessionCookie } from './session-cookie.js';
import { Tokens } from './tokens.js';

/** Lets signed-in users through and puts them on the request. */
@Injectable()
export class SignedInGuard implements CanActivate {
  constructor(private readonly tokens: Tokens) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context
      .switchToHttp()
      .getRequest<Request & { user?: SignedInUser }>();
    request.user = await this.tokens.check(readSessionCookie(request));
    return true;
  }
}
