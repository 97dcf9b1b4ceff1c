import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { SseResponse } from '../connection/sse-response.js';
import { ConnectionLimits } from './connection-limits.js';

const anonymous = () =>
  ({ connection: { listener: {} } }) as unknown as SseResponse;

describe('ConnectionLimits', () => {
  let warn: jest.SpiedFunction<Logger['warn']>;

  beforeEach(() => {
    warn = jest
      .spyOn(Logger.prototype, 'warn')
      .mockImplementation(() => undefined);
  });

  afterEach(() => jest.restoreAllMocks());

  const make = (now: () => number, random: () => number) =>
    new ConnectionLimits({
      limits: { connections: 2, connectionsPerUser: 2, retry: 60_000 },
      now,
      random,
    });

  it('says once a minute that the node is full', () => {
    let now = 5;
    const limits = make(
      () => now,
      () => 0,
    );
    const said = [0, 0, 59_999, 1, 0, 60_000].map((wait) => {
      now += wait;
      limits.created(anonymous(), 3);
      return warn.mock.calls.length;
    });
    expect(said).toEqual([1, 1, 1, 2, 2, 3]);
  });

  it('spreads the return of those sent away', () => {
    let random = 0;
    const limits = make(Date.now, () => random);
    const retries = [0, 0.5, 0.99].map((value) => {
      random = value;
      return limits.created(anonymous(), 3)?.retry;
    });
    expect(retries).toEqual([60_000, 75_000, 89_700]);
  });

  it('closes the oldest once, also one that takes its time to end', () => {
    const closed: string[] = [];
    const limits = make(Date.now, Math.random);
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      const closeFor = () => closed.push(id);
      const connection = { listener: { userId: 'ann' }, closeFor };
      const response = { connection } as unknown as SseResponse;
      limits.created(response, 1);
      limits.opened(response);
    }
    expect(closed).toEqual(['a', 'b', 'c']);
  });

  it('closes none for a request that is answered otherwise, or that has no stream', () => {
    const closed: string[] = [];
    const limits = make(Date.now, Math.random);
    const comes = (id: string, isHead = false): SseResponse => {
      const closeFor = () => closed.push(id);
      const connection = { listener: { userId: 'ann' }, closeFor };
      const response = { connection, isHead } as unknown as SseResponse;
      limits.created(response, 1);
      return response;
    };
    limits.opened(comes('a'));
    limits.opened(comes('b'));
    limits.ended(comes('refused'));
    const head = comes('head', true);
    limits.opened(head);
    limits.ended(head);
    expect(closed).toEqual([]);
    limits.opened(comes('c'));
    expect(closed).toEqual(['a']);
  });

  it('takes as many as fit', () => {
    const limits = make(Date.now, Math.random);
    expect(limits.created(anonymous(), 2)).toBeUndefined();
    expect(limits.created(anonymous(), 3)?.reason).toBe('overloaded');
  });
});
