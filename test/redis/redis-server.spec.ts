import { access } from 'node:fs/promises';
import { RedisServer } from '../support/redis-server.js';

const servers: RedisServer[] = [];

async function start(
  ...args: Parameters<typeof RedisServer.start>
): Promise<RedisServer> {
  const server = await RedisServer.start(...args);
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

describe('The Redis server of the tests', () => {
  it('comes back after a kill with what it acknowledged', async () => {
    const server = await start({ appendOnly: true });
    await server.command('SET', 'a', '1');
    await server.kill();
    await expect(server.command('GET', 'a')).rejects.toThrow();
    await server.restart();

    expect(await server.command('GET', 'a')).toBe('1');
  });

  it('comes back empty where nothing was kept', async () => {
    const server = await start();
    await server.command('SET', 'a', '1');
    await server.restart();

    expect(await server.command('GET', 'a')).toBeNull();
  });

  it.each([true, false])(
    'loses what came after a save (append only: %s)',
    async (appendOnly) => {
      const server = await start({ appendOnly });
      await server.command('SET', 'a', '1');
      await server.save();
      await server.command('SET', 'a', '2');
      await server.rollBack();

      expect(await server.command('GET', 'a')).toBe('1');

      await server.restartEmpty();

      expect(await server.command('GET', 'a')).toBeNull();
    },
  );

  it('answers nothing while it is frozen', async () => {
    const [server, other] = await Promise.all([start(), start()]);
    server.freeze();
    let answered = false;
    const answer = server.command('PING').then((reply) => {
      answered = true;
      return reply;
    });
    for (let i = 0; i < 20; i++) {
      await other.command('PING');
    }
    expect(answered).toBe(false);
    server.thaw();

    expect(await answer).toBe('PONG');
  });

  it('is flushed, and leaves nothing behind', async () => {
    const server = await start();
    await server.command('SET', 'a', '1');
    await server.flushAll();
    expect(await server.command('GET', 'a')).toBeNull();
    await server.stop();

    await expect(access(server.folder)).rejects.toThrow('ENOENT');
    expect(() => process.kill(server.pid, 0)).toThrow('ESRCH');
  });
});
