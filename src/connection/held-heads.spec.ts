import { jest } from '@jest/globals';
import type { Socket } from 'node:net';
import {
  setImmediate as turn,
  setTimeout as sleep,
} from 'node:timers/promises';
import { HeldHeads } from './held-heads.js';

/** Longer than heads are gathered. */
const QUIET = 20;

describe('HeldHeads', () => {
  let heads: HeldHeads;
  let left: string[];

  const hold = (name: string, onUncork?: () => void): void => {
    const uncork = (): void => {
      left.push(name);
      onUncork?.();
    };
    heads.add({ uncork } as Socket);
  };

  beforeEach(() => {
    heads = new HeldHeads();
    left = [];
  });

  afterEach(() => jest.useRealTimers());

  it('lets a head go at the end of its turn, together with the others of that turn', async () => {
    hold('a');
    hold('b');

    expect(left).toEqual([]);
    await turn();
    expect(left).toEqual(['a', 'b']);
  });

  it('gathers those that come right behind others', async () => {
    const count = 200;
    let turns = 0;
    const turnsOf = new Set<number>();
    for (let head = 0; head < count; head++) {
      hold(`${head}`, () => turnsOf.add(turns));
      await turn();
      turns++;
    }
    await sleep(QUIET);

    expect(left).toHaveLength(count);
    // Not one in each turn, of which many take less than a millisecond.
    expect(turnsOf.size).toBeLessThan(count);
  });

  it('lets a head go at once when there was none for a while', async () => {
    hold('a');
    await turn();
    await sleep(QUIET);

    hold('b');
    await turn();

    expect(left).toEqual(['a', 'b']);
  });

  it('needs none of the timers that a test has replaced', async () => {
    jest.useFakeTimers();
    hold('a');
    await turn();
    hold('b');
    await sleep(QUIET);

    expect(left).toEqual(['a', 'b']);
  });
});
