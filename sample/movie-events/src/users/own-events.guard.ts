import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  UnauthorizedException,
} from '@nestjs/common';

@Injectable()
export class OwnEventsGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest();
    const id = request.signedCookies.user;
    if (!id) {
      throw new UnauthorizedException('Sign in first: POST /sign-in/:id');
    }
    request.user = { id };
    return id === request.params.id;
  }
}
