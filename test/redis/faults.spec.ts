import { setImmediate as nextTurn } from 'node:timers/promises';
import { LogUnavailableException } from 'nestjs-sse-hub';
import type { RedisLog } from 'nestjs-sse-hub/redis';
import { APPEND, READ } from '../../src/log/redis/scripts.js';
import {
  append,
  EVERYTHING,
  recordOf,
  RedisLogs,
  retained,
} from '../support/redis-logs.js';
import type { RedisServer } from '../support/redis-server.js';
import { eventually } from '../support/eventually.js';

const logs = new RedisLogs();

afterEach(() => logs.dispose());

/** What a promise was rejected with. */
async function failure(promise: Promise<unknown>): Promise<Error> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LogUnavailableException);
  return error as Error;
}

const isUp = (log: RedisLog) => () => log.health().status === 'up';
const isDown = (log: RedisLog) => () => log.health().status === 'down';

/**
 * Kills a server, and waits until each of a log's connections has met it: what is written to one that
 * has not may have been sent, as far as anybody knows.
 */
async function killUnder(log: RedisLog, server: RedisServer): Promise<void> {
  await server.kill();
  await eventually(isDown(log));
  // The system has closed all of them by now, and tells in the next turns.
  for (let turn = 0; turn < 100; turn++) {
    await nextTurn();
  }
}

describe('While its server does not answer, a RedisLog', () => {
  it('rejects what it is asked, sends nothing of it later, and goes on', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url, timeout: 1_000 });
    const tail = await logs.tail(log);
    const [entry] = await append(log, 1);
    server.freeze();
    const sent = failure(append(log, 'sent'));
    // The first is on its way when the second comes.
    await new Promise((resolve) => setImmediate(resolve));
    const queued = failure(append(log, 'queued'));
    const [first, second, ...others] = await Promise.all([
      sent,
      queued,
      failure(log.bounds()),
      failure(log.read(entry!.cursor, EVERYTHING)),
      failure(log.signal([recordOf(1)])),
    ]);
    await eventually(isDown(log));
    const third = await failure(append(log, 'later'));
    server.thaw();
    await eventually(isUp(log));
    await append(log, 2);
    await tail.until(({ data }) => data.includes(2));

    expect(first.message).toMatch(/not known: .*1000 ms.* "idempotencyKey"/);
    expect(second.message).toMatch(/was not sent/);
    expect(third.message).toMatch(/was not sent/);
    expect(others).toHaveLength(3);
    const data = await retained(log);
    // It lay in the server's buffer, and was taken from there or not.
    expect(data.filter((one) => one !== 'sent')).toEqual([1, 2]);
    expect(tail.data).toEqual(data);
    expect(tail.gaps).toEqual([]);
  });

  it('finds that out by itself, and yields what others appended meanwhile', async () => {
    const server = await logs.server();
    const proxy = await logs.proxy(server);
    const [log, other] = await Promise.all([
      logs.open({ url: proxy.url, timeout: 1_000 }),
      logs.open({ url: server.url }),
    ]);
    const tail = await logs.tail(log);
    await append(other, 1);
    await tail.until(({ data }) => data.length === 1);
    proxy.hold();
    await eventually(isDown(log));
    await append(other, 2, 3);
    proxy.cut();
    proxy.release();
    await tail.until(({ data }) => data.length === 3);
    await eventually(isUp(log));

    expect(tail.data).toEqual([1, 2, 3]);
    expect(tail.gaps).toEqual([]);
    expect(logs.said).toEqual([
      expect.stringMatching(/is away, trying again: .*not answered within/),
      expect.stringMatching(/is back/),
    ]);
  });

  it('finds that out also while it neither reads nor appends', async () => {
    const server = await logs.server();
    const proxy = await logs.proxy(server);
    const log = await logs.open({ url: proxy.url, timeout: 1_000 });
    proxy.hold();
    await eventually(isDown(log));
    proxy.cut();
    proxy.release();
    await eventually(isUp(log));
  });

  it('gets signals again when it is back', async () => {
    const server = await logs.server();
    const proxy = await logs.proxy(server);
    const log = await logs.open({ url: proxy.url, timeout: 1_000 });
    const tail = await logs.tail(log);
    proxy.hold();
    await eventually(isDown(log));
    proxy.cut();
    proxy.release();
    await eventually(isUp(log));
    await log.signal([recordOf('again')]);
    await tail.until(({ signals }) => signals.length === 1);
  });
});

describe('While its server is gone, a RedisLog', () => {
  it('rejects within the timeout, and what it rejected is not there afterwards', async () => {
    const server = await logs.server({ appendOnly: true });
    const log = await logs.open({ url: server.url, timeout: 1_000 });
    const tail = await logs.tail(log);
    const [entry] = await append(log, 1);
    await killUnder(log, server);
    const errors = await Promise.all([
      failure(append(log, 'lost')),
      failure(append(log, 'lost')),
    ]);
    await failure(log.bounds());
    await failure(log.readBack(entry!.cursor, EVERYTHING));
    await server.restart();
    await eventually(isUp(log));
    await append(log, 2);
    await tail.until(({ data }) => data.includes(2));

    for (const { message } of errors) {
      expect(message).toMatch(/not sent: .*ECONNREFUSED/);
    }
    expect(tail.data).toEqual([1, 2]);
    expect(await retained(log)).toEqual([1, 2]);
  });

  it('takes what comes shortly before it is back', async () => {
    const server = await logs.server({ appendOnly: true });
    const log = await logs.open({ url: server.url });
    await append(log, 1);
    await killUnder(log, server);
    const waiting = Promise.all([append(log, 2), log.bounds(), append(log, 3)]);
    await server.restart();
    await waiting;

    expect(await retained(log)).toEqual([1, 2, 3]);
  });

  it('rejects at once what comes when too much waits already', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url, timeout: 2_000 });
    await killUnder(log, server);
    const large = 'x'.repeat(16 * 1024 * 1024);
    const waiting = Array.from({ length: 5 }, () =>
      failure(append(log, large)),
    );
    const { message } = await failure(append(log, 'one more'));
    // It did not wait for the others.
    await server.restart();

    expect(message).toMatch(/bytes wait for Redis .* was not sent/);
    await log.close();
    await Promise.all(waiting);
  });

  it('waits out the time in which the server loads its data', async () => {
    // Longer than the log may wait before it tries again, which is up to 2 s: it meets it.
    const keys = 2_500;
    const server = await logs.server({
      args: [
        '--key-load-delay',
        '1000',
        '--loading-process-events-interval-bytes',
        '1024',
      ],
    });
    const log = await logs.open({ url: server.url, timeout: 10_000 });
    await append(log, 1);
    await server.command(
      'EVAL',
      `for i = 1, ${keys} do redis.call("SET", i, i) end`,
      '0',
    );
    await server.command('SAVE');
    const restarted = server.restart();
    await eventually(() => JSON.stringify(log.health()).includes('LOADING'));
    await append(log, 2);
    await restarted;

    expect(await retained(log)).toEqual([1, 2]);
  });
});

describe('A connection that breaks between a command and its reply', () => {
  it('leaves an append unknown; the same key makes it safe to repeat', async () => {
    const server = await logs.server();
    const proxy = await logs.proxy(server);
    const log = await logs.open({ url: proxy.url });
    const tail = await logs.tail(log);
    const record = recordOf('once', { idempotencyKey: 'k' });
    // The script is known from now on.
    await append(log, 0);
    const cut = proxy.cutBeforeReply(APPEND.sha1);
    const { message } = await failure(log.append([record]));
    await cut;
    const [entry] = await log.append([record]);
    await append(log, 'end');
    await tail.until(({ data }) => data.includes('end'));

    expect(message).toMatch(/is not known: .*"idempotencyKey"/);
    expect(await retained(log)).toEqual([0, 'once', 'end']);
    expect(tail.data).toEqual([0, 'once', 'end']);
    expect(tail.entries[1]).toEqual(entry);
  });

  it('never makes an append two by itself', async () => {
    const server = await logs.server();
    const proxy = await logs.proxy(server);
    const log = await logs.open({ url: proxy.url });
    await append(log, 'first');
    for (let i = 0; i < 5; i++) {
      const cut = proxy.cutBeforeReply(APPEND.sha1);
      await failure(append(log, i));
      await cut;
    }

    expect(await retained(log)).toEqual(['first', 0, 1, 2, 3, 4]);
  });

  it('makes a read ask again', async () => {
    const server = await logs.server();
    const proxy = await logs.proxy(server);
    const log = await logs.open({ url: proxy.url });
    const { floor } = await log.bounds();
    await append(log, 1, 2);
    const cut = proxy.cutBeforeReply(READ.sha1);
    const page = await log.read(floor, EVERYTHING);
    await cut;

    expect(page.entries).toHaveLength(2);
  });

  it('costs a tail nothing, however often it happens', async () => {
    const server = await logs.server();
    const proxy = await logs.proxy(server);
    const [log, other] = await Promise.all([
      logs.open({ url: proxy.url }),
      logs.open({ url: server.url }),
    ]);
    const tail = await logs.tail(log);
    for (let i = 0; i < 10; i++) {
      const cut = proxy.cutBeforeReply('XREAD');
      await append(other, i);
      await cut;
    }
    await append(other, 'end');
    await tail.until(({ data }) => data.includes('end'));

    expect(tail.data).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 'end']);
    expect(tail.gaps).toEqual([]);
  });

  it('and one that is slow, leave all in order', async () => {
    const server = await logs.server();
    const proxy = await logs.proxy(server);
    proxy.delay(20);
    const log = await logs.open({ url: proxy.url });
    const tail = await logs.tail(log);
    await Promise.all(Array.from({ length: 100 }, (_, i) => append(log, i)));
    await tail.until(({ data }) => data.length === 100);

    expect(tail.data).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });
});

describe('A server that refuses to write makes a RedisLog', () => {
  it('reject appends with what to do, for want of memory, and read on', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    await append(log, 1);
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    const { message } = await failure(append(log, 2));

    expect(message).toMatch(
      /has not stored the event: OOM .*maxmemory.*raise it/,
    );
    expect(await retained(log)).toEqual([1]);
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    await append(log, 3);
    expect(await retained(log)).toEqual([1, 3]);
  });

  it('reject appends for want of replicas, and read on', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url, maxAge: 1_000 });
    await log.append([recordOf(1, { time: Date.now() - 999 }), recordOf(2)]);
    await server.command('CONFIG', 'SET', 'min-replicas-to-write', '1');
    const { message } = await failure(append(log, 3));

    expect(message).toMatch(/has not stored the event: NOREPLICAS/);
    expect((await log.bounds()).epoch).toBeDefined();
  });

  it('wait until it is a master again', async () => {
    const server = await logs.server();
    // Longer than the log may wait before it tries again, which is up to 2 s.
    const log = await logs.open({ url: server.url, timeout: 3_000 });
    await append(log, 1);
    await server.command('REPLICAOF', '127.0.0.1', '1');
    const { message } = await failure(append(log, 2));
    const waiting = append(log, 3);
    await server.command('REPLICAOF', 'NO', 'ONE');
    await waiting;

    expect(message).toMatch(/not sent.*READONLY.*address of the master/);
    expect(await retained(log)).toEqual([1, 3]);
  });
});

it('A RedisLog outlives its connections, all at once and again', async () => {
  const server = await logs.server();
  const log = await logs.open({ url: server.url });
  const tail = await logs.tail(log);
  for (let i = 0; i < 5; i++) {
    await append(log, i);
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
  }
  await append(log, 'end').catch(() => append(log, 'end'));
  await tail.until(({ data }) => data.includes('end'));

  expect(tail.data.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
  expect(tail.gaps).toEqual([]);
});
