import {
  append,
  recordOf,
  RedisLogs,
  retained,
} from '../support/redis-logs.js';
import { seededRandom } from '../support/random.js';

const logs = new RedisLogs();

afterEach(() => logs.dispose());

describe('Nodes that share a RedisLog', () => {
  it('yield what two hundred publishers append at once in one order', async () => {
    const server = await logs.server();
    const nodes = await Promise.all(
      [0, 1].map(() => logs.open({ url: server.url })),
    );
    const tails = await Promise.all(nodes.map((log) => logs.tail(log)));
    const acknowledged = await Promise.all(
      Array.from({ length: 200 }, async (_, publisher) => {
        const cursors: string[] = [];
        for (let i = 0; i < 10; i++) {
          const [entry] = await append(nodes[publisher % 2]!, [publisher, i]);
          cursors.push(entry!.cursor);
        }
        return cursors;
      }),
    );
    await Promise.all(
      tails.map((tail) => tail.until(({ entries }) => entries.length >= 2_000)),
    );
    const [a, b] = tails.map(({ cursors }) => cursors);

    expect(a).toEqual(b);
    expect(a).toEqual(acknowledged.flat().sort());
    // Each publisher's events are in its order.
    for (const cursors of acknowledged) {
      expect(cursors).toEqual([...cursors].sort());
    }
  });

  it('lose, double and reorder nothing while connections are cut and the server is killed', async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
    console.log(`SEED=${seed}`);
    const random = seededRandom(seed);
    const server = await logs.server({ appendOnly: true });
    const proxies = await Promise.all([logs.proxy(server), logs.proxy(server)]);
    const nodes = await Promise.all(
      proxies.map(({ url }) => logs.open({ url, timeout: 1_500 })),
    );
    const tails = await Promise.all(nodes.map((log) => logs.tail(log)));
    const acknowledged = new Map<string, string>();
    const unknown = new Set<string>();
    let done = false;

    const publishers = Array.from({ length: 16 }, async (_, publisher) => {
      for (let i = 0; !done; i++) {
        const name = `${publisher}-${i}`;
        await nodes[publisher % 2]!.append([recordOf(name)]).then(
          ([entry]) => acknowledged.set(name, entry!.cursor),
          () => unknown.add(name),
        );
      }
    });
    for (let round = 0; round < 12; round++) {
      const size = acknowledged.size;
      const proxy = proxies[Math.floor(random() * 2)]!;
      const fault = Math.floor(random() * 4);
      if (fault === 0) {
        proxy.cut();
      } else if (fault === 1) {
        await proxy.cutBeforeReply('EVALSHA');
      } else if (fault === 2) {
        proxy.delay(Math.floor(random() * 30));
      } else {
        await server.restart();
      }
      // Something was published after each fault.
      while (acknowledged.size < size + 20) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    done = true;
    await Promise.all(publishers);
    for (const proxy of proxies) {
      proxy.delay(0);
    }
    await nodes[0]!.append([recordOf('end')]);
    await Promise.all(
      tails.map((tail) => tail.until(({ data }) => data.includes('end'))),
    );
    const [a, b] = tails.map(({ data }) => data as string[]);

    expect(tails.flatMap(({ gaps }) => gaps)).toEqual([]);
    expect(a).toEqual(b);
    expect(a).toEqual(await retained(nodes[0]!));
    expect(new Set(a).size).toBe(a!.length);
    const cursorOf = new Map(a!.map((name, i) => [name, tails[0]!.cursors[i]]));
    for (const [name, cursor] of acknowledged) {
      expect([name, cursorOf.get(name)]).toEqual([name, cursor]);
    }
    for (const name of a!.slice(0, -1)) {
      expect(acknowledged.has(name) || unknown.has(name)).toBe(true);
    }
    for (let publisher = 0; publisher < 16; publisher++) {
      // One of unknown fate may have lain in the server's buffer while others were taken.
      const own = a!.filter(
        (name) => name.startsWith(`${publisher}-`) && acknowledged.has(name),
      );
      const numbers = own.map((name) => Number(name.split('-')[1]));
      expect(numbers).toEqual(numbers.toSorted((x, y) => x - y));
    }
  });
});
