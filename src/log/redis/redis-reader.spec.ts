import type { Connector } from './connector.js';
import { newEpoch } from './epoch.js';
import { toCursor } from './position.js';
import type { RedisConnection } from './redis-connection.js';
import { RedisReader } from './redis-reader.js';
import type { ScriptCaller } from './script-caller.js';
import type { RawEntry } from './stored-entry.js';

const epoch = newEpoch(1_000, () => 0.5);
const at = (n: number) => toCursor(epoch, `${n}-0`);

/** Entries from one number through another; each has `size` bytes of data. */
function entries(from: number, through: number, size = 1): RawEntry[] {
  return Array.from({ length: through - from + 1 }, (_, i) => [
    `${from + i}-0`,
    [
      'at',
      `${from + i - 1}-0 7 99`,
      'event',
      '["t","m"]',
      'data',
      'x'.repeat(size),
    ],
  ]);
}

/** A reader to whom the server answers this, and how often it was asked. */
function readerOf(replies: unknown[]) {
  const left = [...replies];
  const reader = new RedisReader(
    { address: 'redis://test', timeout: 10_000 } as Connector,
    { link: () => Promise.resolve({}) } as unknown as RedisConnection,
    { call: () => Promise.resolve(left.shift()) } as unknown as ScriptCaller,
  );
  return { reader, asked: () => replies.length - left.length };
}

describe('A page of a RedisLog', () => {
  it('that takes several calls has the floor of the first: what was dropped meanwhile is in it', async () => {
    const { reader } = readerOf([
      [epoch, '0-0', '700-0', entries(1, 512)],
      [epoch, '520-0', '710-0', entries(513, 600)],
    ]);
    const page = await reader.after(at(0), { events: 600, bytes: Infinity });

    expect(page.entries.map(({ cursor }) => cursor)).toEqual(
      Array.from({ length: 600 }, (_, i) => at(i + 1)),
    );
    expect(page.floor).toBe(at(0));
  });

  it('ends at what was dropped between its calls', async () => {
    const { reader } = readerOf([
      [epoch, '0-0', '700-0', entries(1, 512)],
      [epoch, '520-0', '710-0', entries(521, 608)],
    ]);
    const page = await reader.after(at(0), { events: 600, bytes: Infinity });

    expect(page.entries.at(-1)!.cursor).toBe(at(512));
    expect(page.floor).toBe(at(0));
  });

  it('is asked for once where its bytes have no room for more', async () => {
    const { reader, asked } = readerOf([
      [epoch, '0-0', '9-0', entries(1, 3, 300)],
    ]);
    const page = await reader.after(at(0), { events: 8, bytes: 1_000 });

    expect(page.entries).toHaveLength(3);
    expect(asked()).toBe(1);
  });

  it('goes on where one call gives less than it has room for', async () => {
    const mebibyte = 2 ** 20;
    const { reader, asked } = readerOf([
      [epoch, '0-0', '9-0', entries(1, 2, mebibyte / 2)],
      [epoch, '0-0', '9-0', entries(3, 4, mebibyte / 2)],
    ]);
    const page = await reader.after(at(0), { events: 8, bytes: 2 * mebibyte });

    expect(page.entries).toHaveLength(4);
    expect(asked()).toBe(2);
  });
});
