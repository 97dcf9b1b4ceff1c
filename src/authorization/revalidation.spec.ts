import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { SseResponse } from '../connection/sse-response.js';
import type { AuthorizationOptions } from './authorization-options.js';
import { Revalidation } from './revalidation.js';

const EVERY = 60_000;
const TIMEOUT = 10_000;
/** What is due within a second comes together. */
const SPAN = 1_000;

type Answer = (verdict: unknown) => void;

/** As much of a response as a revalidation asks for. */
interface Tried {
  readonly response: SseResponse;
  readonly closed: string[];
}

describe('Revalidation', () => {
  let asked: string[];
  let answers: Map<string, Answer>;
  let warn: jest.SpiedFunction<Logger['warn']>;

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    asked = [];
    answers = new Map();
    warn = jest
      .spyOn(Logger.prototype, 'warn')
      .mockImplementation(() => undefined);
  });

  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  /** Asks, and waits for `answers` to be called. */
  const holding: AuthorizationOptions['revalidate'] = ({ id }) => {
    asked.push(id);
    return new Promise<any>((resolve) => answers.set(id, resolve));
  };

  const make = (options: Partial<AuthorizationOptions> = {}): Revalidation =>
    new Revalidation({
      unlistedTopics: 'allow',
      revalidate: holding,
      revalidateEvery: EVERY,
      revalidateConcurrency: 2,
      authorizationTimeout: TIMEOUT,
      uptime: () => performance.now(),
      random: () => 0.5,
      ...options,
    });

  function tried(id: string): Tried {
    const closed: string[] = [];
    const response = {
      ended: false,
      connection: {
        id,
        revoke: (reason: string) => {
          closed.push(reason);
          response.ended = true;
        },
      },
    };
    return { response: response as unknown as SseResponse, closed };
  }

  /** Opens connections with these ids. */
  function open(revalidation: Revalidation, ...ids: string[]): Tried[] {
    return ids.map((id) => {
      const each = tried(id);
      revalidation.opened(each.response);
      return each;
    });
  }

  /** As `Connections` does when a stream is over. */
  function end(revalidation: Revalidation, { response }: Tried): void {
    (response as { ended: boolean }).ended = true;
    revalidation.ended(response);
  }

  const pass = (milliseconds: number): Promise<void> =>
    jest.advanceTimersByTimeAsync(milliseconds);

  it('asks at a random time within the interval, then every interval', async () => {
    const revalidation = make({
      revalidate: ({ id }) => {
        asked.push(`${id} at ${Date.now()}`);
        return true;
      },
      random: () => 0.25,
    });
    open(revalidation, 'a');
    await pass(15_000 + 2 * EVERY);
    expect(asked).toEqual(['a at 15000', 'a at 75000', 'a at 135000']);
  });

  it('asks in time, to whatever the machine’s clock is set', async () => {
    open(make(), 'a');
    jest.setSystemTime(-10 * EVERY);
    await pass(EVERY);
    expect(asked).toEqual(['a']);
  });

  it('does not ask without `revalidate`, and needs no timer', async () => {
    open(make({ revalidate: undefined }), 'a');
    expect(jest.getTimerCount()).toBe(0);
    await pass(2 * EVERY);
  });

  it('asks so many at once, the others in the order of their turn', async () => {
    const revalidation = make();
    open(revalidation, 'a', 'b', 'c', 'd');
    await pass(EVERY / 2);
    expect(asked).toEqual(['a', 'b']);
    answers.get('b')!(true);
    await pass(0);
    expect(asked).toEqual(['a', 'b', 'c']);
    answers.get('c')!(false);
    await pass(0);
    expect(asked).toEqual(['a', 'b', 'c', 'd']);
  });

  it('skips one that ended while it waited', async () => {
    const revalidation = make({ revalidateConcurrency: 1 });
    const [, waiting] = open(revalidation, 'a', 'b', 'c');
    await pass(EVERY / 2);
    end(revalidation, waiting!);
    answers.get('a')!(true);
    await pass(0);
    expect(asked).toEqual(['a', 'c']);
  });

  it('does nothing about one that ended while it was asked about', async () => {
    const revalidation = make();
    const [left] = open(revalidation, 'a');
    await pass(EVERY / 2);
    end(revalidation, left!);
    answers.get('a')!(false);
    await pass(3 * EVERY);
    expect(left!.closed).toEqual([]);
    expect(asked).toEqual(['a']);
  });

  it('goes on with the others when one cannot be ended', async () => {
    const error = jest
      .spyOn(Logger.prototype, 'error')
      .mockImplementation(() => undefined);
    const revalidation = make({ revalidateConcurrency: 1 });
    const [stuck] = open(revalidation, 'a', 'b');
    const destroy = jest.fn();
    Object.assign(stuck!.response.connection, {
      response: { destroy },
      revoke: () => {
        throw new Error('stuck');
      },
    });
    await pass(EVERY / 2);
    answers.get('a')!(false);
    await pass(0);
    expect(destroy).toHaveBeenCalledTimes(1);
    expect(error).toHaveBeenCalledTimes(1);
    expect(asked).toEqual(['a', 'b']);
  });

  it('frees the place of one that hangs at the time-out, and hears no later answer', async () => {
    const revalidation = make({ revalidateConcurrency: 1 });
    const [hanging, next] = open(revalidation, 'a', 'b');
    await pass(EVERY / 2);
    await pass(TIMEOUT - 1);
    expect(asked).toEqual(['a']);
    await pass(1);
    await pass(1);
    expect(asked).toEqual(['a', 'b']);
    expect(hanging!.closed).toEqual(['revoked']);

    answers.get('a')!(true);
    answers.get('b')!(true);
    await pass(EVERY);
    expect(asked).toEqual(['a', 'b', 'b']);
    expect(hanging!.closed).toEqual(['revoked']);
    expect(next!.closed).toEqual([]);
  });

  it('takes a late rejection, too', async () => {
    const [late] = open(
      make({
        revalidate: () =>
          new Promise((_resolve, reject) => {
            setTimeout(() => reject(new Error('too late')), 2 * TIMEOUT);
          }),
      }),
      'a',
    );
    await pass(EVERY / 2 + 3 * TIMEOUT);
    expect(late!.closed).toEqual(['revoked']);
    expect(warn).toHaveBeenCalledTimes(1);
  });

  it.each<[string, () => unknown]>([
    ['false', () => false],
    ['undefined', () => undefined],
    ['1', () => 1],
    ['a text', () => 'yes'],
    ['a promise of false', () => Promise.resolve(false)],
    ['an exception', () => raise()],
    ['a rejection', () => Promise.reject(new Error('down'))],
  ])('counts %s as no', async (_name, revalidate) => {
    const [each] = open(make({ revalidate: revalidate as never }), 'a');
    await pass(EVERY / 2);
    expect(each!.closed).toEqual(['revoked']);
  });

  it('logs each kind of failure once, with the error', async () => {
    const outcomes: (() => unknown)[] = [
      () => raise(),
      () => Promise.reject(new Error('down')),
      () => 'yes',
      () => undefined,
      () => new Promise(() => undefined),
      () => new Promise(() => undefined),
      () => false,
    ];
    const ids = outcomes.map((_outcome, index) => `${index}`);
    const revalidation = make({
      revalidate: (({ id }: { id: string }) =>
        outcomes[Number(id)]!()) as never,
      revalidateConcurrency: 10,
    });
    open(revalidation, ...ids);
    await pass(EVERY / 2 + TIMEOUT);
    const said = warn.mock.calls.map(([message]) => String(message));
    expect(said).toHaveLength(3);
    expect(said[0]).toMatch(/^revalidate failed: .*\nError: thrown/s);
    expect(said[1]).toMatch(/^revalidate answered neither true nor false: /);
    expect(said[2]).toMatch(/^revalidate did not answer within /);
  });

  it('lets the event loop turn between answers that are there at once', async () => {
    jest.useRealTimers();
    const revalidation = make({
      revalidate: ({ id }) => {
        asked.push(id);
        return true;
      },
      random: () => 0,
    });
    const ids = Array.from({ length: 200 }, (_, n) => `${n}`);
    const opened = open(revalidation, ...ids);
    let most = 0;
    for (let before = 0; asked.length < 200; before = asked.length) {
      await nextTurn();
      most = Math.max(most, asked.length - before);
    }
    // Two as they become due, and two more in the same turn.
    expect(most).toBeLessThanOrEqual(4);
    opened.forEach((each) => end(revalidation, each));
  });

  it('keeps nothing of connections that ended', async () => {
    const revalidation = make();
    for (const each of open(revalidation, 'a', 'b', 'c')) {
      end(revalidation, each);
    }
    expect(jest.getTimerCount()).toBe(0);
    await pass(EVERY + SPAN);
    expect(asked).toEqual([]);
  });
});

function raise(): never {
  throw new Error('thrown');
}
