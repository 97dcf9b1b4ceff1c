import { BadRequestException, ForbiddenException } from '@nestjs/common';
import type { Request } from 'express';
import { guestOf } from './guest.js';
import type { User } from './user.js';

/**
 * Who sends a request: the guest of its cookie, else whoever `?id=` says, which proves nothing.
 * Nobody speaks for a guest by `?id=`, and a guest does not speak for somebody else.
 *
 * @throws BadRequestException, ForbiddenException
 */
export function userOf(request: Request): User | undefined {
  const guest = guestOf(request);
  const { id } = request.query;
  if (id === undefined || id === '') {
    return guest;
  }
  if (typeof id !== 'string' || !/^[\w.@-]{1,64}$/.test(id)) {
    throw new BadRequestException(
      'id must have 1 to 64 letters, digits or any of _ . @ -',
    );
  }
  if (guest) {
    throw new ForbiddenException(
      `Your cookie says that you are ${guest.id}: leave ?id= out`,
    );
  }
  return { id, isGuest: false };
}
