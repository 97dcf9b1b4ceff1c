import { SqliteLog } from 'nestjs-sse-hub/sqlite';
import { seededRandom } from '../support/random.js';
import { newFile, removeFolders } from './support/folders.js';
import { recordOf } from './support/records.js';
import { RemoteLog, killProcesses } from './support/remote-log.js';
import { describeSqlite } from './support/sqlite-tests.js';

const ROUNDS = 5;

const EVERYTHING = { events: Infinity, bytes: Infinity };

const KEPT = { maxEvents: 10_000_000, maxBytes: 2 ** 40 };

/** What the log holds, read by a process that comes after the killed one. */
async function contentOf(file: string): Promise<Map<number, string>> {
  const log = new SqliteLog({ file, ...KEPT });
  const { floor } = await log.open();
  const { entries } = await log.read(floor, EVERYTHING);
  await log.close();
  const numbers = entries.map(({ data }) => JSON.parse(data) as number);
  const cursors = entries.map(({ cursor }) => cursor);
  expect(cursors).toEqual([...new Set(cursors)].sort());
  const content = new Map(numbers.map((n, i) => [n, cursors[i]!]));
  // As many numbers as entries: none is doubled.
  expect(content.size).toBe(entries.length);
  return content;
}

describeSqlite(
  'A process that is killed while it publishes at full speed',
  () => {
    afterEach(async () => {
      await killProcesses();
      removeFolders();
    });

    it.each(['full', 'normal'] as const)(
      'leaves every acknowledged entry, each once and no batch in part (synchronous: %s)',
      async (synchronous) => {
        const seed = Date.now() % 2 ** 31;
        const random = seededRandom(seed);
        const file = newFile();
        const acknowledged = new Map<number, string>();
        let begun: (readonly number[])[] = [];
        let next = 1;
        for (let round = 1; round <= ROUNDS; round++) {
          const said = `seed ${seed}, round ${round}`;
          const remote = await RemoteLog.start({ file, synchronous, ...KEPT });
          await remote.call('open');
          const batches = 20 + Math.floor(random() * 1_500);
          await new Promise<void>((resolve) => {
            let done = 0;
            remote.onSaid = (message) => {
              if ('begun' in message) {
                begun.push(message.begun);
                next = Math.max(next, ...message.begun.map((n) => n + 1));
                return;
              }
              message.done.forEach((n, i) =>
                acknowledged.set(n, message.cursors[i]!),
              );
              if (++done === batches) {
                resolve();
              }
            };
            void remote
              .call('publishAtFullSpeed', { again: begun, from: next })
              .catch(() => undefined);
          });
          await remote.kill();

          const content = await contentOf(file);
          const lost = [...acknowledged].filter(
            ([n, cursor]) => content.get(n) !== cursor,
          );
          const inPart = begun.filter((batch) => {
            const there = batch.filter((n) => content.has(n)).length;
            return there > 0 && there < batch.length;
          });
          expect({ said, lost, inPart }).toEqual({
            said,
            lost: [],
            inPart: [],
          });
          // What nobody has heard of is published again, with its keys.
          begun = begun.filter((batch) => !acknowledged.has(batch[0]!));
        }
        expect(acknowledged.size).toBeGreaterThan(ROUNDS * 20);
      },
    );

    it('frees the file at once, and positions go on', async () => {
      const file = newFile();
      const remote = await RemoteLog.start({ file });
      const before = await remote.call('open');
      const [cursor] = await remote.call('append', [1]);
      await remote.kill();

      const log = new SqliteLog({ file, lockTimeout: 0 });
      expect(await log.open()).toEqual({ ...before, head: cursor });
      const [entry] = await log.append([recordOf(2)]);
      expect(entry!.cursor > cursor!).toBe(true);
      await log.close();
    });
  },
);
