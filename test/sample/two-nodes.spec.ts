import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { RedisServer } from '../support/redis-server.js';
import { type Balancer, startBalancer } from './balancer.js';
import { EventReader } from './event-reader.js';
import { ListWatcher } from './list-watcher.js';
import { ALIEN, HEAT, MovieEventsApp, newDataDir } from './movie-events.app.js';

describe('two nodes of the movie-events app, as in its compose.yaml', () => {
  let redis: RedisServer;
  let dataDir: string;
  let a: MovieEventsApp;
  let b: MovieEventsApp;
  let balancer: Balancer;
  const watchers: ListWatcher[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start({ appendOnly: true });
    dataDir = await newDataDir();
    // At once, as compose starts them: both make the tables.
    [a, b] = await Promise.all([node(), node()]);
    balancer = await startBalancer([a.port, b.port]);
  });

  afterEach(async () => {
    await Promise.all(watchers.splice(0).map((watcher) => watcher.close()));
    await a.clear();
  });

  afterAll(async () => {
    await balancer?.close();
    await Promise.all([a?.end(), b?.end()]);
    await redis?.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const node = () => MovieEventsApp.create({ log: redis.url, dataDir });

  async function watch(url: string): Promise<ListWatcher> {
    const watcher = await ListWatcher.open(url);
    watchers.push(watcher);
    return watcher;
  }

  it('tell at one what was added, changed and removed at the other', async () => {
    const atA = await watch(a.url);
    const atB = await watch(b.url);
    const { id } = await b.add(ALIEN);
    await atA.has({ id, title: 'Alien' });
    await a.send('PATCH', `/movie/${id}`, { title: 'Aliens' });
    await atB.has({ id, title: 'Aliens' });
    await b.send('DELETE', `/movie/${id}`);
    await atA.until(() => !atA.movies.has(id));
  });

  it('show the same movies', async () => {
    await a.add(ALIEN);
    await b.add(HEAT);
    expect(await a.list()).toMatchObject([ALIEN, HEAT]);
    expect(await b.list()).toEqual(await a.list());
  });

  it('store and publish a movie once that was sent to both with one key', async () => {
    const watcher = await watch(a.url);
    const key = { 'Idempotency-Key': randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => (n % 2 ? a : b).add(ALIEN, key)),
    );
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    const { id } = await b.add(HEAT);
    await watcher.has({ id, title: 'Heat' });
    expect(watcher.added).toEqual([answers[0]!.id, id]);
  });

  it('count together who is watching', async () => {
    const atA = await watch(a.url);
    const atB = await watch(b.url);
    await atA.until(() => atA.watching === 2);
    await atB.until(() => atB.watching === 2);
    await atB.close();
    await atA.until(() => atA.watching === 1);
  });

  it('leave every page with what is stored when both change a movie at once', async () => {
    const all = [await watch(a.url), await watch(b.url)];
    const { id } = await a.add(ALIEN);
    const other = await a.add(HEAT);
    const change = async (app: MovieEventsApp, id: number, title: string) => {
      const answer = app.send('PATCH', `/movie/${id}`, { title });
      while (!(await app.list()).some((movie) => movie.title === title));
      return { answer };
    };
    // All are stored before any is told.
    redis.freeze();
    const { answer: first } = await change(a, other.id, 'Ronin');
    const { answer: second } = await change(a, id, 'Aliens');
    const { answer: last } = await change(b, id, 'Alien 3');
    redis.thaw();
    await Promise.all([first, second, last]);
    const marker = await a.add({ ...HEAT, title: 'It' });
    for (const watcher of all) {
      await watcher.has({ ...marker, title: 'It' });
      expect([...watcher.movies.values()]).toMatchObject(await a.list());
      expect(watcher.movies.get(id)).toMatchObject({ title: 'Alien 3' });
    }
  });

  it('keep their streams open while Redis is away, say so, and go on', async () => {
    const all = [await watch(a.url), await watch(b.url)];
    const health = async () => (await a.send('GET', '/health')).status;
    expect(await health()).toBe(200);
    await redis.kill();
    while ((await health()) !== 503);
    const added = addThrough(balancer);
    await redis.restart();
    const id = await added;
    while ((await health()) !== 200);
    for (const watcher of all) {
      await watcher.until(() => watcher.movies.has(id));
      expect(watcher.added).toEqual([id]);
      expect(watcher).toMatchObject({ returns: 0, resets: 0 });
    }
  });

  describe('tell what they stored while Redis was away', () => {
    it('once and as it was, whoever tries again', async () => {
      const reader = await EventReader.open(`${a.url}/events?genre=crime`);
      try {
        const watcher = await watch(b.url);
        const alien = await a.add(ALIEN);
        const heat = await a.add(HEAT);
        const change = async (app: MovieEventsApp) =>
          (await app.send('PATCH', `/movie/${heat.id}`, { genre: 'drama' }))
            .status;
        const remove = async (app: MovieEventsApp) =>
          (await app.send('DELETE', `/movie/${alien.id}`)).status;
        await redis.kill();
        expect(await change(a)).toBe(503);
        expect(await remove(a)).toBe(503);
        expect(await change(a)).toBe(503);
        await redis.restart();
        while ((await change(b)) !== 200);
        expect(await remove(b)).toBe(404);
        await watcher.until(() => !watcher.movies.has(alien.id));
        const marker = await a.add({ ...HEAT, title: 'Ronin' });
        await reader.until(({ data }) => data.id === marker.id);
        const changes = reader.events.filter(
          ({ type }) => type === 'movie.changed',
        );
        expect(changes.map(({ data }) => data)).toEqual([
          { ...HEAT, id: heat.id, genre: 'drama', previousGenre: 'crime' },
        ]);
      } finally {
        reader.close();
      }
    });

    it('if nobody tries again, and the node has ended meanwhile', async () => {
      const atB = await watch(b.url);
      const { id } = await a.add(ALIEN);
      await redis.kill();
      const change = { title: 'Aliens' };
      expect((await a.send('PATCH', `/movie/${id}`, change)).status).toBe(503);
      await a.end('SIGKILL');
      await redis.restart();
      await atB.has({ id, title: 'Aliens' });
      await a.start();
    });
  });

  it('lose nothing for who comes back through the balancer while each is restarted in turn', async () => {
    const all = await Promise.all(
      Array.from({ length: 6 }, () => watch(balancer.url)),
    );
    const added: number[] = [];
    let stopped = false;
    const publish = async () => {
      while (!stopped) {
        added.push(await addThrough(balancer));
      }
    };
    const publishers = [publish(), publish()];
    await grown(added, 25);
    // A deploy, and then a crash.
    for (const [each, signal] of [
      [a, 'SIGTERM'],
      [b, 'SIGKILL'],
    ] as const) {
      await each.end(signal);
      await grown(added, 25);
      await each.start();
      // Who ends the other before is without any for a moment, and gets 502.
      await takesRequests(each, balancer);
    }
    stopped = true;
    await Promise.all(publishers);
    const last = await addThrough(balancer);
    added.push(last);
    for (const watcher of all) {
      await watcher.until(() => watcher.movies.has(last));
      expect(watcher.resets).toBe(0);
      expect(new Set(watcher.statuses)).toEqual(new Set([200]));
      expect(watcher.added).toEqual(all[0]!.added);
    }
    // Nothing twice, nothing left out.
    expect(all[0]!.added.toSorted(byNumber)).toEqual(added.toSorted(byNumber));
    // With both ended in turn, everybody lost the stream at least once.
    for (const watcher of all) {
      expect(watcher.returns).toBeGreaterThan(0);
    }
  });
});

const byNumber = (one: number, other: number) => one - other;

/** As a page does: again with the same key until there is an answer. */
async function addThrough({ url }: Balancer): Promise<number> {
  const key = randomUUID();
  for (;;) {
    const response = await fetch(`${url}/movie`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
      body: JSON.stringify(ALIEN),
    }).catch(() => undefined);
    if (response?.status === 201) {
      return (await response.json()).id;
    }
  }
}

/** Resolves when the balancer gives a node requests again. */
async function takesRequests(
  { port }: MovieEventsApp,
  { url }: Balancer,
): Promise<void> {
  let node: string | null;
  do {
    const response = await fetch(`${url}/movies`);
    node = response.headers.get('X-Node');
    await response.text();
  } while (node !== `127.0.0.1:${port}`);
}

/** Resolves when so many more are in the list. */
async function grown(list: readonly unknown[], by: number): Promise<void> {
  const enough = list.length + by;
  while (list.length < enough) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
