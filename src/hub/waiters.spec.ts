import { setImmediate as nextTurn } from 'node:timers/promises';
import { Waiters } from './waiters.js';

describe('Waiters', () => {
  it('get the answer, or what was thrown', async () => {
    const waiters = new Waiters<number>();
    const first = waiters.wait({});
    waiters.resolve(1);
    const second = waiters.wait({});
    waiters.reject(new Error('broken'));

    expect(await first).toBe(1);
    await expect(second).rejects.toThrow('broken');
    expect(waiters.size).toBe(0);
  });

  it('that have left are told nothing', async () => {
    const waiters = new Waiters<number>();
    const told: string[] = [];
    const gone = {};
    void waiters.wait(gone).then(() => told.push('gone'));
    const there = waiters.wait({}).then(() => told.push('there'));
    waiters.leave(gone);
    waiters.resolve(1);
    await there;
    await nextTurn();

    expect(told).toEqual(['there']);
  });

  it('go on a few each turn, in their order, and leave in between', async () => {
    const waiters = new Waiters<void>();
    const wakings: number[] = [];
    let turn = 0;
    let isDone = false;
    const count = (): void => {
      turn++;
      if (!isDone) {
        setImmediate(count);
      }
    };
    setImmediate(count);
    const order: number[] = [];
    const last = {};
    const all = Array.from({ length: 1_000 }, async (_, i) => {
      await waiters.wait(i === 999 ? last : {});
      order.push(i);
      wakings[turn] = (wakings[turn] ?? 0) + 1;
    });
    waiters.resolve();
    expect(waiters.size).toBeGreaterThan(900);
    waiters.leave(last);
    await Promise.all(all.slice(0, 999));
    isDone = true;

    expect(order).toEqual(Array.from({ length: 999 }, (_, i) => i));
    expect(Math.max(...wakings.filter(Boolean))).toBeLessThanOrEqual(64);
  });
});
