import { Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import type { Response } from 'express';
import { UserIdPipe } from './user-id.pipe.js';

/** DEMO ONLY: signs in as whoever is asked for, without a password. */
@Controller('sign-in')
export class SignInController {
  // A cookie, because a browser's EventSource cannot set headers.
  @Post(':id')
  @HttpCode(204)
  signIn(
    @Param('id', UserIdPipe) id: string,
    @Res({ passthrough: true }) response: Response,
  ): void {
    response.cookie('user', id, {
      signed: true,
      httpOnly: true,
      sameSite: 'lax',
    });
  }
}
