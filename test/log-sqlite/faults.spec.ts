import { Logger } from '@nestjs/common';
import { copyFileSync, renameSync, rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LogUnavailableException } from 'nestjs-sse-hub';
import { SqliteLog } from 'nestjs-sse-hub/sqlite';
import type { SqliteLogOptions } from 'nestjs-sse-hub/sqlite';
import { eventually } from '../support/eventually.js';
import { newFile, removeFolders } from './support/folders.js';
import { dataOf, recordOf } from './support/records.js';
import { describeSqlite } from './support/sqlite-tests.js';
import { TailReader } from './support/tail-reader.js';

const EVERYTHING = { events: Infinity, bytes: Infinity };

const logs: SqliteLog[] = [];

function make(options: SqliteLogOptions): SqliteLog {
  const log = new SqliteLog(options);
  logs.push(log);
  return log;
}

const append = async (log: SqliteLog, data: unknown) =>
  (await log.append([recordOf(data)]))[0]!;

const isUp = (log: SqliteLog) => log.health().status === 'up';

/** Another program that has the file. */
function otherProgram(file: string): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  return new DatabaseSync(file);
}

async function isUnavailable(
  call: Promise<unknown>,
  why: string,
): Promise<void> {
  await expect(call).rejects.toThrow(LogUnavailableException);
  await expect(call).rejects.toThrow(why);
}

describeSqlite('A SqliteLog', () => {
  beforeAll(() => Logger.overrideLogger(false));

  afterEach(async () => {
    await Promise.all(logs.splice(0).map((log) => log.close()));
    removeFolders();
  });

  it.each(['', '-wal', '-lock'])(
    'acknowledges nothing when its file%s was deleted, says so, and goes on',
    async (suffix) => {
      const file = newFile();
      const log = make({ file });
      const { head, epoch } = await log.open();
      const tail = new TailReader(log.tail(head));
      await append(log, 'before');
      await tail.until(({ entries }) => entries.length === 1);

      rmSync(`${file}${suffix}`);
      await isUnavailable(append(log, 'while'), 'deleted or replaced');
      expect(log.health()).toEqual({
        status: 'down',
        reason: expect.stringContaining(file),
      });
      await eventually(() => isUp(log));
      const after = await append(log, 'after');
      await tail.until(
        ({ entries }) => entries.at(-1)!.cursor === after.cursor,
      );

      const bounds = await log.bounds();
      const { entries } = await log.read(bounds.floor, EVERYTHING);
      const isWhole = dataOf(entries).includes('before');
      expect(bounds.epoch === epoch).toBe(isWhole);
      expect(tail.gaps.map((gap) => gap.epoch)).toEqual(
        isWhole ? [] : [bounds.epoch],
      );
      // Deleted with all that it held; what lay beside it is no loss of history.
      expect([suffix, isWhole]).toEqual([suffix, suffix !== '']);
      const told = tail.entries.slice(isWhole ? 0 : 1);
      expect(told).toEqual(entries);
    },
  );

  it('starts a new epoch when an older copy of its file is put in its place, and tells where the histories part', async () => {
    const file = newFile();
    const first = make({ file });
    await first.open();
    for (const n of [1, 2, 3]) {
      await append(first, n);
    }
    await first.close();
    copyFileSync(file, `${file}.copy`);
    const log = make({ file });
    const { floor, epoch } = await log.open();
    const tail = new TailReader(log.tail(floor));
    await append(log, 'lost');
    await tail.until(({ entries }) => entries.length === 4);

    rmSync(`${file}-wal`);
    rmSync(`${file}-shm`);
    renameSync(`${file}.copy`, file);
    await isUnavailable(append(log, 'while'), 'deleted or replaced');
    await eventually(() => isUp(log));
    const after = await append(log, 'after');
    await tail.until(({ entries }) => entries.at(-1)!.cursor === after.cursor);

    const bounds = await log.bounds();
    const { entries } = await log.read(bounds.floor, EVERYTHING);
    expect(dataOf(entries)).toEqual([1, 2, 3, 'after']);
    expect(bounds.epoch).not.toBe(epoch);
    expect(tail.gaps).toEqual([
      {
        epoch: bounds.epoch,
        floor: bounds.floor,
        position: entries[2]!.cursor,
      },
    ]);
    expect(dataOf(tail.entries)).toEqual([1, 2, 3, 'lost', 'after']);
  });

  it('tells of another history before it gives entries of it, however many signals there are', async () => {
    const file = newFile();
    const log = make({ file });
    const tail = log.tail((await log.open()).head);
    await append(log, 'before');
    let turn: NodeJS.Immediate;
    const signalEachTurn = (): void => {
      void log.signal([recordOf('signal')]);
      turn = setImmediate(signalEachTurn);
    };
    signalEachTurn();
    const told: unknown[] = [];
    for await (const batch of tail) {
      // What it does with a batch takes it a turn, so that there is another signal when it comes back.
      await nextTurn();
      const isGap = 'gap' in batch;
      const records = isGap ? [] : batch.records.filter((r) => 'cursor' in r);
      told.push(...(isGap ? ['gap'] : dataOf(records)));
      if (told.at(-1) === 'after') {
        break;
      }
      if (records.length > 0) {
        // This is 'before': the new history is there when it is pulled again.
        rmSync(file);
        await isUnavailable(append(log, 'while'), 'deleted or replaced');
        await eventually(() => isUp(log));
        await append(log, 'after');
      }
    }
    clearImmediate(turn!);

    expect(told).toEqual(['before', 'gap', 'after']);
  });

  it('rejects what the disk does not answer in time, takes nothing meanwhile, and goes on when it answers', async () => {
    const file = newFile();
    const log = make({ file, timeout: 100 });
    const tail = new TailReader(log.tail((await log.open()).head));
    const other = otherProgram(file);
    // The thread waits for it longer than that.
    other.exec('BEGIN IMMEDIATE');
    const why = 'has not answered for 100 ms';
    const waiting = [append(log, 'sent'), append(log, 'sent with it')];
    await Promise.all(waiting.map((call) => isUnavailable(call, why)));
    expect(log.health()).toMatchObject({
      status: 'down',
      reason: expect.stringContaining(why),
    });
    await isUnavailable(append(log, 'not sent'), why);
    expect(dataOf((await log.read('', EVERYTHING)).entries)).toEqual([]);

    other.exec('COMMIT');
    other.close();
    await eventually(() => isUp(log));
    await append(log, 'after');
    await tail.until(({ entries }) => entries.length >= 3);

    const told = ['sent', 'sent with it', 'after'];
    expect(dataOf(tail.entries)).toEqual(told);
    expect(dataOf((await log.read('', EVERYTHING)).entries)).toEqual(told);
    expect(tail.gaps).toEqual([]);
  });

  it('gives up on a file that another program keeps for itself, and goes on when it is free', async () => {
    const file = newFile();
    const log = make({ file });
    await log.open();
    const other = otherProgram(file);
    other.exec('BEGIN IMMEDIATE');
    await isUnavailable(
      append(log, 'rejected'),
      'another program holds the file for writing',
    );
    expect(isUp(log)).toBe(false);

    other.exec('COMMIT');
    other.close();
    await eventually(() => isUp(log));
    await append(log, 'after');
    expect(dataOf((await log.read('', EVERYTHING)).entries)).toEqual(['after']);
  });

  it('takes nothing when another program has appended to the file', async () => {
    const file = newFile();
    const log = make({ file });
    await log.open();
    await append(log, 'ours');
    const other = otherProgram(file);
    other.exec(
      `INSERT INTO entries (time, bytes, topic, type, data) VALUES (1, 1, 'a', 'b', '"theirs"')`,
    );
    other.close();

    await isUnavailable(append(log, 'rejected'), 'another program has written');
    await eventually(() => isUp(log));
    await append(log, 'after');
    expect(dataOf((await log.read('', EVERYTHING)).entries)).toEqual([
      'ours',
      'theirs',
      'after',
    ]);
  });

  it('tells who publishes nothing of the file, and the operator all', async () => {
    const file = newFile();
    const log = make({ file });
    await log.open();
    rmSync(file);
    const error: unknown = await append(log, 1).catch((e: unknown) => e);

    expect(error).toBeInstanceOf(LogUnavailableException);
    expect((error as Error).message).not.toContain(file);
    expect(log.health()).toMatchObject({
      reason: `${file}: the file, or one beside it, was deleted or replaced. Stop the application before its files are touched.`,
    });
  });
});
