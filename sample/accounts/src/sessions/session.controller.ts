import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Post,
  Req,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import type { Request } from 'express';
import { ActivityLog } from '../activity/activity-log.js';
import type { SignedInUser, User } from '../users/user.js';
import { Users } from '../users/users.js';
import type { CurrentSession } from './current-session.js';
import { CurrentUser } from './current-user.decorator.js';
import { NotSignedInException } from './not-signed-in.exception.js';
import {
  clearSessionCookie,
  readSessionCookie,
  setSessionCookie,
} from './session-cookie.js';
import { SignInDto } from './sign-in.dto.js';
import { SignOut } from './sign-out.js';
import { SignedInGuard } from './signed-in.guard.js';
import { Tokens } from './tokens.js';

@Controller('session')
export class SessionController {
  constructor(
    private readonly users: Users,
    private readonly tokens: Tokens,
    private readonly signOuts: SignOut,
    private readonly activity: ActivityLog,
  ) {}

  @Post()
  async signIn(
    @Body() { name, password }: SignInDto,
    @Req() request: Request,
  ): Promise<User> {
    const user = await this.users.findByPassword(
      name.trim().toLowerCase(),
      password,
    );
    if (!user) {
      throw new UnauthorizedException('Name or password is wrong');
    }
    // A cookie, because a browser's EventSource cannot set headers.
    setSessionCookie(request, await this.tokens.issue(user));
    this.activity.add(user, 'signed in');
    return user;
  }

  /** Who is signed in. That it is nobody is no error: the page asks because it cannot know. */
  @Get()
  async current(@Req() request: Request): Promise<CurrentSession> {
    try {
      const { id, name, roles } = await this.tokens.check(
        readSessionCookie(request),
      );
      return { user: { id, name, roles } };
    } catch (error) {
      if (error instanceof NotSignedInException) {
        return { reason: error.reason };
      }
      throw error;
    }
  }

  @Delete()
  @HttpCode(204)
  @UseGuards(SignedInGuard)
  async signOut(
    @CurrentUser() user: SignedInUser,
    @Req() request: Request,
  ): Promise<void> {
    clearSessionCookie(request);
    await this.signOuts.everywhere(user.id, 'signed-out');
    this.activity.add(user, 'signed out');
  }
}
