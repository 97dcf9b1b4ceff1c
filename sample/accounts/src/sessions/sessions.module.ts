import { randomBytes } from 'node:crypto';
import { Global, Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { ActivityLog } from '../activity/activity-log.js';
import { UsersController } from '../users/users.controller.js';
import { UsersModule } from '../users/users.module.js';
import { SessionController } from './session.controller.js';
import { SessionStoreModule } from './session-store.module.js';
import { SignOut } from './sign-out.js';
import { SESSION_SECONDS, Tokens } from './tokens.js';

/** Global: `SignedInGuard` stands before nearly every route. */
@Global()
@Module({
  imports: [
    UsersModule,
    SessionStoreModule,
    JwtModule.register({
      // A secret that changes at every start signs everybody out, which the
      // sessions do anyway as long as they are in memory.
      secret: process.env.JWT_SECRET ?? randomBytes(32).toString('base64url'),
      signOptions: { algorithm: 'HS256' },
      // Or a token could choose how it wants to be checked.
      verifyOptions: { algorithms: ['HS256'] },
    }),
  ],
  controllers: [SessionController, UsersController],
  providers: [
    Tokens,
    SignOut,
    ActivityLog,
    {
      provide: SESSION_SECONDS,
      useValue: Number(process.env.SESSION_SECONDS ?? 60 * 60),
    },
  ],
  exports: [UsersModule, Tokens, SignOut, ActivityLog],
})
export class SessionsModule {}
