import {
  Injectable,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';

export interface User {
  readonly id: number;
  readonly roles: readonly string[];
  /** Seconds since the Unix epoch, as in a JWT. */
  readonly exp: number;
}

/** Lets everyone in; each request is another user's. */
@Injectable()
export class EveryoneGuard implements CanActivate {
  private users = 0;

  canActivate(context: ExecutionContext): boolean {
    const user: User = {
      id: ++this.users,
      roles: ['viewer'],
      exp: Date.now() / 1_000 + 3_600,
    };
    context.switchToHttp().getRequest<{ user?: User }>().user = user;
    return true;
  }
}
