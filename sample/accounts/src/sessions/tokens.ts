import { Inject, Injectable } from '@nestjs/common';
import { JwtService, TokenExpiredError } from '@nestjs/jwt';
import type { SignedInUser, User } from '../users/user.js';
import { Users } from '../users/users.js';
import { NotSignedInException } from './not-signed-in.exception.js';
import { Sessions } from './sessions.js';

/** How long a session lasts, in seconds. */
export const SESSION_SECONDS = Symbol('SESSION_SECONDS');

interface Payload {
  sub: string;
  jti: string;
  exp: number;
}

/** Makes and checks the tokens (JWT) that stand for a session. */
@Injectable()
export class Tokens {
  constructor(
    private readonly jwt: JwtService,
    private readonly sessions: Sessions,
    private readonly users: Users,
    @Inject(SESSION_SECONDS) private readonly lifetime: number,
  ) {}

  /** Begins a session and gives its token. */
  issue({ id }: User): Promise<string> {
    const jwtid = this.sessions.begin(id, this.lifetime * 1000);
    return this.jwt.signAsync(
      {},
      { subject: id, jwtid, expiresIn: this.lifetime },
    );
  }

  /**
   * The user whom a token stands for, with the roles as they are now: in the token
   * they could not be taken away.
   *
   * @throws NotSignedInException
   */
  async check(token: string | undefined): Promise<SignedInUser> {
    if (!token) {
      throw new NotSignedInException('missing');
    }
    const { sub, jti, exp } = await this.verify(token);
    const user = this.users.find(sub);
    if (!user || !this.sessions.isLive(jti)) {
      throw new NotSignedInException('ended');
    }
    return { ...user, sessionId: jti, exp };
  }

  private async verify(token: string): Promise<Payload> {
    try {
      return await this.jwt.verifyAsync<Payload>(token);
    } catch (error) {
      throw new NotSignedInException(
        error instanceof TokenExpiredError ? 'expired' : 'invalid',
      );
    }
  }
}
