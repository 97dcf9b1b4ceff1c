import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Connections } from '../connection/connections.js';
import type { SseConnection } from '../connection/sse-connection.js';
import { RecentControlEntries } from './recent-control-entries.js';
import type { Refreshes } from './refreshes.js';
import type { RequestArrivals } from './request-arrivals.js';
import { Revocations } from './revocations.js';

describe('Revocations', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('end a stream that may go on, but cannot', async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const revoke = jest.fn();
    const connection = {
      id: 'a',
      user: undefined,
      authorize: () => Promise.resolve(),
      suspend: () => undefined,
      resume: () => {
        throw new Error('stuck');
      },
      revoke,
    } as unknown as SseConnection;
    const revocations = new Revocations(
      {
        all: () => [connection],
        useAdmission: () => undefined,
      } as unknown as Connections,
      new RecentControlEntries(() => 0),
      {} as RequestArrivals,
      {} as Refreshes,
    );
    revocations.missed();
    await nextTurn();

    expect(revoke).toHaveBeenCalledWith('unavailable');
  });
});
