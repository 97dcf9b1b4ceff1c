import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Injectable } from '@nestjs/common';

export interface HeaderUser {
  readonly id: string | number;
  readonly roles: string[];
}

interface UserRequest {
  readonly headers: Record<string, string | undefined>;
  user?: HeaderUser;
}

/** Takes the request's word for who sends it: `x-user: 42`, `x-roles: admin,editor`. */
@Injectable()
export class HeaderUserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<UserRequest>();
    const { 'x-user': id, 'x-roles': roles } = request.headers;
    if (id !== undefined) {
      const isNumber = /^\d+$/.test(id);
      request.user = {
        id: isNumber ? Number(id) : id,
        roles: roles?.split(',') ?? [],
      };
    }
    return true;
  }
}
