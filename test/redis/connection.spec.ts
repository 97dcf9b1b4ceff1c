import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  InvalidOptionException,
  LogUnavailableException,
} from 'nestjs-sse-hub';
import { createClient, createCluster, createSentinel } from 'redis';
import type { RedisLog } from 'nestjs-sse-hub/redis';
import { freePort } from '../support/free-port.js';
import {
  append,
  recordOf,
  RedisLogs,
  retained,
} from '../support/redis-logs.js';
import type { RedisServer } from '../support/redis-server.js';

const logs = new RedisLogs();

afterEach(() => logs.dispose());

/** The names of the connections that a server has, without that which asks. */
async function connections(server: RedisServer): Promise<string[]> {
  const list = (await server.command('CLIENT', 'LIST')) as string;
  return list
    .trim()
    .split('\n')
    .filter((line) => !line.includes('cmd=client|list'))
    .map((line) => / name=(\S*)/.exec(line)![1]!);
}

/** That a log does all it is for. */
async function expectWorks(log: RedisLog): Promise<void> {
  const tail = await logs.tail(log);
  await append(log, 1, 2);
  await log.signal([recordOf('signal')]);
  await tail.until(
    ({ entries, signals }) => entries.length === 2 && signals.length === 1,
  );
  expect(await retained(log)).toEqual([1, 2]);
}

describe("The application's own client", () => {
  it.each([
    ['with RESP 3', {}],
    ['with RESP 2', { RESP: 2 as const }],
    ['with a database', { database: 3 }],
    [
      'with what would mix up a log',
      {
        commandOptions: { typeMapping: { 36: Buffer, 37: Map }, timeout: 1 },
        socket: { reconnectStrategy: 1, socketTimeout: 200 },
        pingInterval: 10,
        clientSideCache: { ttl: 0, maxEntries: 0, evictPolicy: 'LRU' as const },
      },
    ],
  ])('%s gives its settings, and is left alone', async (_name, more) => {
    const server = await logs.server();
    const url = { url: server.url };
    const client = createClient({
      ...url,
      name: 'app',
      ...more,
    } as object as typeof url);
    client.on('error', () => undefined);
    /** Asks again where its own settings break off what a busy machine keeps waiting. */
    const ask = async <Reply>(question: () => Promise<Reply>) => {
      for (;;) {
        expect(client.isOpen).toBe(true);
        try {
          return await question();
        } catch {
          await nextTurn();
        }
      }
    };
    const log = logs.log({ client });
    await log.open();

    expect(client.isOpen).toBe(false);
    await expectWorks(log);
    await client.connect();
    await append(log, 3);
    let names = await connections(server);
    while (!names.includes('app')) {
      // It connects again, for the same reason.
      expect(client.isOpen).toBe(true);
      names = await connections(server);
    }
    expect(names).toContain('sse-hub');
    await log.close();
    await ask(() => client.sendCommand(['PING']));
    expect(`${await ask(() => client.exists('{sse-hub}'))}`).toBe('1');
    client.destroy();
  });

  it('gives the prefix of its keys', async () => {
    const server = await logs.server();
    const client = createClient({ url: server.url, keyPrefix: 'app:' });
    await expectWorks(await logs.open({ client, stream: 's' }));

    expect(await server.command('KEYS', '*')).toEqual(
      expect.arrayContaining(['app:{s}', 'app:{s}:meta']),
    );
  });

  it('is of one server', () => {
    const cluster = createCluster({ rootNodes: [{ url: 'redis://a' }] });
    const sentinel = createSentinel({
      name: 'a',
      sentinelRootNodes: [{ host: 'a', port: 1 }],
    });
    for (const client of [
      cluster,
      sentinel,
      { duplicate() {} },
      null,
      'redis://a',
    ]) {
      expect(() => logs.log({ client: client as never })).toThrow(
        InvalidOptionException,
      );
    }
  });
});

describe('A server with passwords', () => {
  const acl = (stream: string, ...more: string[]) => [
    'ACL',
    'SETUSER',
    'hub',
    'reset',
    'on',
    '>s3cret/pa:ss@word',
    `~{${stream}}*`,
    `&{${stream}}:*`,
    ...more,
  ];
  const COMMANDS =
    '+hello +auth +client +ping +info +evalsha +eval +xread +publish +subscribe ' +
    '+xlen +exists +hmget +hget +hset +hdel +llen +lindex +lpop +rpush +unlink +xadd +xrange +xrevrange +xtrim +xinfo|stream +time';
  const password = encodeURIComponent('s3cret/pa:ss@word');
  const urlOf = (server: RedisServer, user = 'hub', word = password) =>
    `redis://${user}:${word}@127.0.0.1:${server.port}`;

  it('needs no more rights than the guide says', async () => {
    const server = await logs.server();
    await server.command(...acl('own', ...COMMANDS.split(' ')));
    const log = await logs.open({
      url: urlOf(server),
      stream: 'own',
      maxEvents: 3,
    });
    await expectWorks(log);
    await log.append([recordOf(3, { idempotencyKey: 'k' })]);
    await append(log, 4, 5, 6);
    await server.command('DEL', '{own}:meta');
    await append(log, 7);

    expect((await retained(log)).at(-1)).toBe(7);
  });

  it("refuses a stream that is not the user's", async () => {
    const server = await logs.server();
    await server.command(...acl('own', ...COMMANDS.split(' ')));
    const log = logs.log({ url: urlOf(server), stream: 'other' });

    await expect(log.open()).rejects.toThrow(/NOPERM|permission.*ACL SETUSER/);
  });

  it.each([
    [
      'a wrong password',
      (server: RedisServer) => urlOf(server, 'hub', 'wr0ng'),
    ],
    ['a wrong user', (server: RedisServer) => urlOf(server, 'nobody')],
  ])('refuses %s at once, and nobody repeats it', async (_name, url) => {
    const server = await logs.server();
    await server.command(...acl('own', '+@all'));
    const log = logs.log({ url: url(server), timeout: 2 ** 30 });
    const error = await log.open().catch((reason: Error) => reason);

    expect(error).toBeInstanceOf(LogUnavailableException);
    const { message } = error as Error;
    expect(message).toMatch(/WRONGPASS.*Check user and password/);
    const all = message + JSON.stringify(log.health()) + logs.said.join();
    expect(all).not.toMatch(/s3cret|wr0ng/);
  });

  it('refuses who gives none', async () => {
    const server = await logs.server({ args: ['--requirepass', 'secret'] });
    const log = logs.log({ url: server.url });

    await expect(log.open()).rejects.toThrow(/NOAUTH.*Check user and password/);
    await expectWorks(
      await logs.open({ url: `redis://:secret@127.0.0.1:${server.port}` }),
    );
  });

  it('is never shown with its password', async () => {
    const server = await logs.server({ args: ['--requirepass', 's3cret'] });
    const url = `redis://:s3cret@127.0.0.1:${server.port}`;
    const log = await logs.open({ url, timeout: 1_000 });
    await server.kill();
    const errors = await Promise.all(
      [append(log, 1), log.bounds(), log.signal([recordOf(1)])].map((promise) =>
        promise.catch((error: Error) => error),
      ),
    );
    const texts = errors.map((error) => String((error as Error).message));
    texts.push(JSON.stringify(log.health()), ...logs.said);
    for (const bad of [
      'http://:s3cret@host',
      'redis//:s3cret@host',
      'redis://:s3cret@host/x',
    ]) {
      const error = (): unknown => {
        try {
          return logs.log({ url: bad });
        } catch (thrown) {
          return thrown;
        }
      };
      expect(error()).toBeInstanceOf(InvalidOptionException);
      texts.push(String(error()));
    }

    expect(texts.join('\n')).toContain(`redis://127.0.0.1:${server.port}`);
    expect(texts.join('\n')).not.toContain('s3cret');
  });
});

describe('A server that speaks TLS', () => {
  async function start() {
    const server = await logs.server();
    const file = (name: string) => join(server.folder, name);
    const openssl = (args: string) =>
      execFileSync('openssl', args.split(' '), {
        cwd: server.folder,
        stdio: 'pipe',
      });
    const request = 'req -x509 -newkey rsa:2048 -nodes -days 2';
    openssl(`${request} -subj /CN=test-ca -keyout ca.key -out ca.crt`);
    openssl(
      `${request} -subj /CN=localhost -CA ca.crt -CAkey ca.key -keyout server.key -out server.crt ` +
        '-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE',
    );
    const port = await freePort();
    const settings = {
      'tls-cert-file': file('server.crt'),
      'tls-key-file': file('server.key'),
      'tls-ca-cert-file': file('ca.crt'),
      'tls-auth-clients': 'no',
      'tls-port': String(port),
    };
    await server.command('CONFIG', 'SET', ...Object.entries(settings).flat());
    const url = `rediss://127.0.0.1:${port}`;
    return { server, url, ca: readFileSync(file('ca.crt'), 'utf8') };
  }

  it('is trusted by its CA', async () => {
    const { url, ca } = await start();
    const client = createClient({ url, socket: { tls: true, ca } });
    await expectWorks(await logs.open({ client }));
  });

  it('is not trusted without, and the message says what to do', async () => {
    const { url, server } = await start();

    await expect(logs.log({ url }).open()).rejects.toThrow(
      /certificate.*NODE_EXTRA_CA_CERTS/,
    );
    await expect(
      logs.log({ url: server.url.replace('redis:', 'rediss:') }).open(),
    ).rejects.toThrow(/away|TLS/);
  });
});

describe('A RedisLog refuses to open', () => {
  it.each([
    ['{sse-hub}', ['SET', '{sse-hub}', 'x']],
    ['{sse-hub}:meta', ['SET', '{sse-hub}:meta', 'x']],
    ['{sse-hub}:order', ['SET', '{sse-hub}:order', 'x']],
  ])(
    'where %s is something else, which it leaves as it is',
    async (key, command) => {
      const server = await logs.server();
      await server.command(...command);
      const log = logs.log({ url: server.url });

      await expect(log.open()).rejects.toThrow(/WRONGTYPE.*another "stream"/);
      expect(await server.command('GET', key)).toBe('x');
      expect(await server.command('KEYS', '*')).toEqual([key]);
    },
  );

  it('on a part of a cluster', async () => {
    const server = await logs.server({ args: ['--cluster-enabled', 'yes'] });

    await expect(logs.log({ url: server.url }).open()).rejects.toThrow(
      /cluster.*not in one/,
    );
  });

  it('keeps no connection, however often it is asked', async () => {
    const server = await logs.server({ args: ['--cluster-enabled', 'yes'] });
    for (let attempt = 0; attempt < 10; attempt++) {
      const log = logs.log({ url: server.url });
      await expect(log.open()).rejects.toThrow(LogUnavailableException);
    }
    // The server learns of an end a moment after it.
    let open: string[];
    do {
      open = await connections(server);
    } while (open.length > 0);
  });

  it('with the longest timeout reads its tail all the same', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url, timeout: 2 ** 31 - 1 });

    await expectWorks(log);
    expect(log.health()).toEqual({ status: 'up' });
  });

  it('where nobody answers, and opens when somebody does', async () => {
    const server = await logs.server();
    await server.kill();
    const log = logs.log({ url: server.url, timeout: 1_000 });
    const error = await log.open().catch((reason: Error) => reason);
    expect(error).toBeInstanceOf(LogUnavailableException);
    expect((error as Error).message).toMatch(/ECONNREFUSED/);
    expect(log.health().status).toBe('down');
    await server.restart();

    await log.open();
    expect(log.health()).toEqual({ status: 'up' });
    await expectWorks(log);
  });

  it('where a frozen server takes connections', async () => {
    const server = await logs.server();
    server.freeze();
    const log = logs.log({ url: server.url, timeout: 1_000 });

    await expect(log.open()).rejects.toThrow(LogUnavailableException);
    server.thaw();
    await log.open();
  });

  it('where something else answers', async () => {
    const web = createServer((_req, res) => res.end()).listen(0, '127.0.0.1');
    await new Promise((resolve) => web.once('listening', resolve));
    const { port } = web.address() as AddressInfo;
    const log = logs.log({ url: `redis://127.0.0.1:${port}`, timeout: 1_000 });

    await expect(log.open()).rejects.toThrow(LogUnavailableException);
    web.closeAllConnections();
    web.close();
  });

  it('waits for a server that is about to start', async () => {
    const server = await logs.server();
    await server.kill();
    const opened = logs.log({ url: server.url }).open();
    await server.restart();

    expect((await opened).epoch).toBeDefined();
  });
});

it('A RedisLog that may be evicted says so', async () => {
  const server = await logs.server({
    args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'],
  });
  await logs.open({ url: server.url });

  expect(logs.said).toEqual([expect.stringMatching(/may evict.*noeviction/)]);
});

describe('A RedisLog that is closed', () => {
  it('ends its tails and what waits, and leaves no connection', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    const tail = await logs.tail(log);
    await append(log, 1);
    expect((await connections(server)).length).toBeGreaterThan(0);
    server.freeze();
    const waiting = [append(log, 2), append(log, 3), log.bounds()].map(
      (promise) => promise.catch((error: Error) => error),
    );
    await new Promise((resolve) => setImmediate(resolve));
    await log.close();
    const errors = await Promise.all(waiting);
    server.thaw();
    await log.close();
    await tail.until(({ ended }) => ended);

    for (const error of errors) {
      expect(error).toBeInstanceOf(LogUnavailableException);
      expect((error as Error).message).toMatch(/closed/);
    }
    expect(log.health()).toEqual({
      status: 'down',
      reason: 'The log is closed.',
    });
    await expect(append(log, 4)).rejects.toThrow(/closed/);
    await expect(log.open()).rejects.toThrow(/closed/);
    for await (const batch of log.tail('x-0')) {
      throw new Error(`A closed log yields ${JSON.stringify(batch)}`);
    }
    while ((await connections(server)).length > 0) {
      // The server notices the end of a connection by itself.
    }
  });

  it('leaves a tail that was returned no connection either', async () => {
    const server = await logs.server();
    const log = await logs.open({ url: server.url });
    const before = (await connections(server)).length;
    const tail = await logs.tail(log);
    expect((await connections(server)).length).toBe(before + 1);
    await tail.stop();
    await tail.until(({ ended }) => ended);
    while ((await connections(server)).length > before) {
      // As above.
    }
    await append(log, 1);
  });

  it('lets the process end by itself', async () => {
    const server = await logs.server();
    const frozen = await logs.server();
    frozen.freeze();
    const program = `
      import { RedisLog } from 'nestjs-sse-hub/redis';
      const log = new RedisLog({ url: '${server.url}' });
      const { head } = await log.open();
      const tail = log.tail(head)[Symbol.asyncIterator]();
      const next = tail.next();
      await log.append([{ topic: 'a', type: 'b', data: '1', time: Date.now() }]);
      await next;
      void tail.next();
      await log.close();
      const failed = new RedisLog({ url: '${frozen.url}', timeout: 200 });
      await failed.open().catch(() => {});
      console.log('closed');
    `;
    const output = execFileSync(
      process.execPath,
      ['--input-type=module', '--eval', program],
      { encoding: 'utf8', timeout: 15_000 },
    );

    expect(output).toBe('closed\n');
  });
});
