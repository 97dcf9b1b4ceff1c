import { AsyncLocalStorage } from 'node:async_hooks';
import { jest } from '@jest/globals';
import fc from 'fast-check';
import { Presence } from './presence.js';

const GRACE = 10_000;

/** What is told is told in a turn of its own. */
const told = (): Promise<void> => Promise.resolve();

describe('Presence', () => {
  let presence: Presence;
  let changes: string[];
  let completed: boolean;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
    presence = new Presence(GRACE);
    changes = [];
    completed = false;
    presence.changes('room').subscribe({
      next: ({ type, user, topic }) => changes.push(`${user} ${type} ${topic}`),
      complete: () => (completed = true),
    });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const pass = async (milliseconds: number): Promise<void> => {
    await jest.advanceTimersByTimeAsync(milliseconds);
  };

  it('counts a user with three tabs once', async () => {
    for (let tab = 0; tab < 3; tab++) {
      presence.join(['room'], 'ann');
    }
    presence.join(['room'], 'bob');
    await told();
    expect(presence.of('room')).toEqual({ count: 2, users: ['ann', 'bob'] });
    expect(changes).toEqual(['ann joined room', 'bob joined room']);
  });

  it('tells that a user left when the last tab has been away for the grace', async () => {
    presence.join(['room'], 'ann');
    presence.join(['room'], 'ann');
    presence.leave(['room'], 'ann');
    await pass(2 * GRACE);
    expect(changes).toEqual(['ann joined room']);

    presence.leave(['room'], 'ann');
    await pass(GRACE - 1);
    expect(changes).toEqual(['ann joined room']);
    expect(presence.of('room').users).toEqual(['ann']);
    await pass(1);
    expect(changes).toEqual(['ann joined room', 'ann left room']);
    expect(presence.of('room')).toEqual({ count: 0, users: [] });
  });

  it('tells nothing of a user who reconnects within the grace, however often', async () => {
    presence.join(['room'], 'ann');
    for (let n = 0; n < 5; n++) {
      presence.leave(['room'], 'ann');
      await pass(GRACE - 1);
      presence.join(['room'], 'ann');
    }
    await pass(2 * GRACE);
    expect(changes).toEqual(['ann joined room']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('counts the grace from the last leaving', async () => {
    presence.join(['room'], 'ann');
    presence.leave(['room'], 'ann');
    await pass(GRACE / 2);
    presence.join(['room'], 'ann');
    presence.leave(['room'], 'ann');
    await pass(GRACE - 1);
    expect(changes).toEqual(['ann joined room']);
    await pass(1);
    expect(changes).toEqual(['ann joined room', 'ann left room']);
  });

  it('joins again after it has left', async () => {
    presence.join(['room'], 'ann');
    presence.leave(['room'], 'ann');
    await pass(GRACE);
    presence.join(['room'], 'ann');
    await told();
    expect(changes).toEqual([
      'ann joined room',
      'ann left room',
      'ann joined room',
    ]);
  });

  it('keeps topics apart', async () => {
    presence.join(['room', 'hall'], 'ann');
    presence.join(['hall'], 'bob');
    presence.leave(['room', 'hall'], 'ann');
    await pass(GRACE);
    expect(changes).toEqual(['ann joined room', 'ann left room']);
    expect(presence.of('hall').users).toEqual(['bob']);
    expect(presence.of('nowhere')).toEqual({ count: 0, users: [] });
  });

  it('has one timer for all who are away', async () => {
    for (let n = 0; n < 100; n++) {
      presence.join(['room', 'hall'], `${n}`);
    }
    for (let n = 0; n < 100; n++) {
      presence.leave(['room', 'hall'], `${n}`);
      await pass(1);
    }
    expect(jest.getTimerCount()).toBe(1);
    await pass(GRACE);
    expect(presence.of('room').count).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
    expect(changes.slice(100)).toEqual(
      Array.from({ length: 100 }, (_, n) => `${n} left room`),
    );
  });

  it('is hot: who listens later hears what happens later', async () => {
    presence.join(['room'], 'ann');
    await told();
    const later: string[] = [];
    const subscription = presence
      .changes('room')
      .subscribe(({ user }) => later.push(user));
    presence.join(['room'], 'bob');
    await told();
    subscription.unsubscribe();
    presence.join(['room'], 'cem');
    await told();
    expect(later).toEqual(['bob']);
    expect(changes).toHaveLength(3);
  });

  it('tells what a listener causes behind what it was told, to all in one order', async () => {
    const second: string[] = [];
    presence.changes('room').subscribe(({ user }) => {
      if (user === 'ann') {
        presence.join(['room'], 'bot');
      }
    });
    presence
      .changes('room')
      .subscribe(({ user, type }) => second.push(`${user} ${type}`));
    presence.join(['room'], 'ann');
    await told();
    await told();
    expect(second).toEqual(['ann joined', 'bot joined']);
    expect(changes).toEqual(['ann joined room', 'bot joined room']);
  });

  it('completes at the end, telling nobody to have left', async () => {
    presence.join(['room'], 'ann');
    presence.join(['room'], 'bob');
    presence.leave(['room'], 'bob');
    void presence.stop();
    presence.leave(['room'], 'ann');
    await pass(2 * GRACE);
    expect(changes).toEqual(['ann joined room', 'bob joined room']);
    expect(completed).toBe(true);
    let late = false;
    presence.changes('room').subscribe({ complete: () => (late = true) });
    expect(late).toBe(true);
  });

  it('waits for nobody who leaves because the application closes', () => {
    presence.join(['room'], 'ann');
    void presence.stop();
    presence.leave(['room'], 'ann');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('tells in the async context in which it was made', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    presence.changes('room').subscribe(() => seen.push(storage.getStore()));
    storage.run('a request', () => {
      presence.join(['room'], 'ann');
      presence.leave(['room'], 'ann');
    });
    await pass(GRACE);
    expect(seen).toEqual([undefined, undefined]);
  });

  it('is what joins and lefts add up to, and in the end who has streams', async () => {
    const step = fc.record({
      user: fc.constantFrom('ann', 'bob', 'cem'),
      comes: fc.boolean(),
      wait: fc.constantFrom(0, 1, GRACE / 2, GRACE),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const tried = new Presence(GRACE);
        const present = new Set<string>();
        let doubled = false;
        const streams: Record<string, number> = {};
        tried.changes('room').subscribe(({ type, user }) => {
          doubled ||= present.has(user) !== (type === 'left');
          present[type === 'joined' ? 'add' : 'delete'](user);
        });
        for (const { user, comes, wait } of steps) {
          const open = streams[user] ?? 0;
          if (comes) {
            tried.join(['room'], user);
            streams[user] = open + 1;
          } else if (open > 0) {
            tried.leave(['room'], user);
            streams[user] = open - 1;
          }
          await pass(wait);
          expect(new Set(tried.of('room').users)).toEqual(present);
        }
        await pass(GRACE);
        expect(doubled).toBe(false);
        expect([...present].sort()).toEqual(
          Object.keys(streams)
            .filter((user) => streams[user]! > 0)
            .sort(),
        );
      }),
      { numRuns: 50 },
    );
  });
});
