import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { ConnectionOptions } from '../connection/connection-options.js';
import type { SseConnection } from '../connection/sse-connection.js';
import type { Leases } from './leases.js';
import { Refreshes } from './refreshes.js';

/** A connection that can neither go on nor be ended properly. */
function stuck(id: string) {
  const destroy = jest.fn();
  const fail = (): never => {
    throw new Error('stuck');
  };
  const connection = {
    id,
    user: { id: 'ann' },
    suspend: () => undefined,
    renew: fail,
    revoke: fail,
    response: { ended: false, destroy },
  };
  return { connection: connection as unknown as SseConnection, destroy };
}

describe('Refreshes', () => {
  let unhandled: unknown[];
  const keep = (error: unknown): void => {
    unhandled.push(error);
  };

  beforeEach(() => {
    unhandled = [];
    process.on('unhandledRejection', keep);
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
  });

  afterEach(() => {
    process.off('unhandledRejection', keep);
    jest.restoreAllMocks();
  });

  it('destroy who cannot be ended, and no one else suffers', async () => {
    const options = {
      userId: ({ id }: { id: string }) => id,
      roles: () => undefined,
    } as unknown as ConnectionOptions;
    const refreshes = new Refreshes(options, {} as Leases);
    const all = ['a', 'b', 'later'].map(stuck);
    const [a, b, later] = all.map(({ connection }) => connection);
    refreshes.begin('ann', [a!, b!]);
    await nextTurn();
    refreshes.begin('ann', [later!]);
    await nextTurn();

    for (const { destroy } of all) {
      expect(destroy).toHaveBeenCalledTimes(1);
    }
    expect(unhandled).toEqual([]);
  });
});
