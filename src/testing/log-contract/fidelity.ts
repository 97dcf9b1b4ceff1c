import assert from 'node:assert/strict';
import type { LogEntry, LogRecord } from '../../log/event-log.js';
import { plain, recordOf } from './record.js';
import { assertSame, assertTold, readAll } from './history.js';
import type { ContractCase, Trial } from './trial.js';

const MIB = 1024 * 1024;

/** Line ends of all kinds, what JavaScript and JSON treat apart, a NUL, and code points beyond U+FFFF. */
const TEXT =
  'a\nb\r\nc\u2028d\u2029e\0f\t"\\\'$`%*;,\u00e9e\u0301\u20ac\ufeff\u{1f3ac}\u{10ffff}';

const RECORDS: Readonly<Record<string, () => LogRecord[]>> = {
  'data in any script, with line ends, NUL, U+2028 and astral characters':
    () => [recordOf('', { data: TEXT }), recordOf(TEXT)],
  'empty data': () => [recordOf('', { data: '' }), recordOf('')],
  'data of 1 MiB': () => [
    recordOf('', { data: 'x'.repeat(MIB) }),
    recordOf('', { data: '\u20ac'.repeat(Math.floor(MIB / 3)) }),
  ],
  'data that looks like numbers, JSON or nothing': () =>
    ['0', '1e3', '007', 'null', 'true', '{}', '[]', ' ', '-1', 'undefined'].map(
      (data) => recordOf('', { data }),
    ),
  'topics and types': () => [
    recordOf('a', { topic: 'users.42.inbox', type: 'message' }),
    recordOf('b', { topic: TEXT, type: TEXT }),
    recordOf('c', { topic: 't'.repeat(255), type: 't'.repeat(255) }),
  ],
  'the time, to the millisecond': () => [
    recordOf('a', { time: Date.now() - 1234 }),
    recordOf('b', { time: Date.now() + 5678 }),
    recordOf('c', { time: Date.now() }),
  ],
  'audiences: users, roles, both, empty lists and none': () =>
    [
      { users: ['42', TEXT, ''] },
      { roles: ['admin', TEXT] },
      { users: ['a', 'b', 'c'], roles: ['d'] },
      { users: [] },
      { users: [], roles: [] },
      {},
      undefined,
    ].map((audience, i) => recordOf(`${i}`, { audience })),
  'idempotency keys': () => [
    recordOf('a', { idempotencyKey: TEXT }),
    recordOf('b', { idempotencyKey: 'movies k'.repeat(60) }),
    recordOf('c', { idempotencyKey: undefined }),
  ],
  "the hub's own entries, in their place": () => [
    recordOf('before'),
    recordOf('', {
      topic: '*hub',
      type: 'hub.disconnect',
      data: '{"user":"42","reason":"signed-out"}',
    }),
    recordOf('', { topic: '*hub', type: 'hub.refresh', data: '{"user":"42"}' }),
    recordOf('behind'),
  ],
};

export const fidelityCases: readonly ContractCase[] = Object.entries(
  RECORDS,
).map(([what, records]) => ({
  name: `carries as it is: ${what}`,
  run: (trial: Trial) => carries(trial, records()),
}));

async function carries(
  trial: Trial,
  records: readonly LogRecord[],
): Promise<void> {
  const { floor } = trial.empty;
  const nodes = await trial.nodes();
  const tails = nodes.map((log) => trial.tail(log, floor));
  const entries: LogEntry[] = [];
  for (const record of records) {
    entries.push(...(await trial.log.append([record])));
  }
  entries.forEach((entry, i) => {
    const expected = { ...plain(records[i]!), cursor: entry.cursor };
    assert.deepEqual(plain(entry), expected, 'what append returns');
  });
  for (const [i, log] of nodes.entries()) {
    assertSame(await readAll(log, floor), entries, 'what is read');
    for (const entry of entries) {
      const page = await log.readBack(entry.cursor, { events: 1, bytes: 1 });
      assertSame(page.entries, [entry], 'what is read back');
    }
    await tails[i]!.reaches(entries.at(-1)!.cursor);
    assertTold(tails[i]!, entries);
  }
}
