import { randomUUID } from 'node:crypto';
import { EventReader, type ReadEvent } from './event-reader.js';
import { ALIEN, HEAT, MovieEventsApp } from './movie-events.app.js';

describe('the movie-events app', () => {
  let app: MovieEventsApp;
  const readers: EventReader[] = [];

  beforeAll(async () => {
    app = await MovieEventsApp.create();
  });

  afterEach(async () => {
    readers.splice(0).forEach((reader) => reader.close());
    await app.clear();
  });

  afterAll(() => app.dispose());

  async function read(path: string, headers?: Record<string, string>) {
    const reader = await EventReader.open(app.url + path, headers);
    readers.push(reader);
    return reader;
  }

  const list = async (query = '') =>
    (await (await app.send('GET', `/movies${query}`)).json()) as {
      data: { id: number; title: string }[];
      cursor: string;
    };

  const about = (title: string) => (event: ReadEvent) =>
    event.data.title === title;

  describe('POST /movie', () => {
    it('stores the movie and tells everybody who watches', async () => {
      const reader = await read('/events');
      const response = await app.send('POST', '/movie', ALIEN);
      expect(response.status).toBe(201);
      const movie = await response.json();
      expect(movie).toEqual({ id: expect.any(Number), ...ALIEN });
      const event = await reader.until(about('Alien'));
      expect(event).toMatchObject({ type: 'movie.added', data: movie });
      expect(event.id).toMatch(/^[0-9a-z]+-[0-9a-z]+$/);
    });

    it('lists what is wrong, by field', async () => {
      const response = await app.send('POST', '/movie', {
        title: '  ',
        year: 'soon',
        genre: 'noir',
        rating: 5,
      });
      expect(response.status).toBe(400);
      expect((await response.json()).message).toEqual({
        title: ['title must be a text of 1 to 200 characters'],
        year: ['year must be a whole number'],
        genre: [expect.stringMatching(/^genre must be one of: action, /)],
        rating: ['property rating should not exist'],
      });
    });

    it.each([
      ['no body', undefined, ['title', 'year', 'genre']],
      ['an empty object', {}, ['title', 'year', 'genre']],
      [
        'null',
        { title: null, year: null, genre: null },
        ['title', 'year', 'genre'],
      ],
      ['a year before film', { ...ALIEN, year: 1887 }, ['year']],
      ['a year far ahead', { ...ALIEN, year: 9999 }, ['year']],
      ['half a year', { ...ALIEN, year: 1979.5 }, ['year']],
      ['a title with a NUL', { ...ALIEN, title: 'a\0b' }, ['title']],
      [
        'a title of 201 characters',
        { ...ALIEN, title: 'x'.repeat(201) },
        ['title'],
      ],
    ])('refuses %s', async (_, body, fields) => {
      const response = await app.send('POST', '/movie', body);
      expect(response.status).toBe(400);
      const { message } = await response.json();
      expect(Object.keys(message).sort()).toEqual(fields.sort());
      expect((await list()).data).toEqual([]);
    });

    it('refuses a body that is too large or no JSON', async () => {
      const large = { ...ALIEN, title: 'x'.repeat(20_000) };
      expect((await app.send('POST', '/movie', large)).status).toBe(413);
      const broken = await fetch(`${app.url}/movie`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: '{"title":',
      });
      expect(broken.status).toBe(400);
    });
  });

  describe('an Idempotency-Key', () => {
    let key: { 'Idempotency-Key': string };

    beforeEach(() => {
      key = { 'Idempotency-Key': randomUUID() };
    });

    it('makes a retried POST answer the same movie and publish it once', async () => {
      const reader = await read('/events');
      const first = await app.send('POST', '/movie', ALIEN, key);
      const retry = await app.send('POST', '/movie', ALIEN, key);
      expect(retry.status).toBe(first.status);
      expect(await retry.json()).toEqual(await first.json());
      await app.add(HEAT);
      await reader.until(about('Heat'));
      expect(reader.titles).toEqual(['Alien', 'Heat']);
      expect((await list()).data).toHaveLength(2);
    });

    it('holds when both come at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => app.add(ALIEN, key)),
      );
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
      expect((await list()).data).toHaveLength(1);
    });

    it('holds after a restart, and does not bring back what was deleted', async () => {
      const { id } = await app.add(ALIEN, key);
      await app.send('DELETE', `/movie/${id}`);
      await app.end('SIGKILL');
      await app.start();
      const reader = await read('/events');
      expect(await app.add(ALIEN, key)).toEqual({ id, ...ALIEN });
      await app.add(HEAT);
      await reader.until(about('Heat'));
      expect(reader.titles).toEqual(['Heat']);
      expect((await list()).data).toMatchObject([HEAT]);
    });

    it('is refused for another movie', async () => {
      await app.add(ALIEN, key);
      const other = await app.send('POST', '/movie', HEAT, key);
      expect(other.status).toBe(422);
      expect((await list()).data).toHaveLength(1);
    });

    it('is refused when it is too long', async () => {
      const response = await app.send('POST', '/movie', ALIEN, {
        'Idempotency-Key': 'k'.repeat(101),
      });
      expect(response.status).toBe(400);
    });
  });

  describe('PATCH and DELETE /movie/:id', () => {
    it('change and remove the movie and tell it', async () => {
      const reader = await read('/events');
      const { id } = await app.add(ALIEN);
      const changed = await app.send('PATCH', `/movie/${id}`, {
        year: 1986,
        title: 'Aliens',
      });
      expect(await changed.json()).toEqual({
        ...ALIEN,
        id,
        year: 1986,
        title: 'Aliens',
      });
      expect((await app.send('DELETE', `/movie/${id}`)).status).toBe(204);
      await reader.until(({ type }) => type === 'movie.removed');
      const types = reader.events.map(({ type }) => type);
      expect(types.filter((type) => type.startsWith('movie.'))).toEqual([
        'movie.added',
        'movie.changed',
        'movie.removed',
      ]);
      expect((await list()).data).toEqual([]);
    });

    it('refuse what is invalid or not there', async () => {
      const { id } = await app.add(ALIEN);
      const status = async (method: string, path: string, body?: object) =>
        (await app.send(method, path, body)).status;
      expect(await status('PATCH', `/movie/${id}`, { title: null })).toBe(400);
      expect(await status('PATCH', `/movie/${id}`, { id: 7 })).toBe(400);
      expect(await status('PATCH', '/movie/999', { title: 'x' })).toBe(404);
      expect(await status('DELETE', '/movie/999')).toBe(404);
      expect(await status('DELETE', '/movie/alien')).toBe(400);
    });
  });

  describe('GET /movies', () => {
    it('gives a cursor from which the stream tells what came after', async () => {
      await app.add(ALIEN);
      const { data, cursor } = await list();
      expect(data).toMatchObject([ALIEN]);
      await app.add(HEAT);
      const reader = await read(`/events?lastEventId=${cursor}`);
      await reader.until(about('Heat'));
      expect(reader.titles).toEqual(['Heat']);
    });

    it('survives a restart', async () => {
      await app.add(ALIEN);
      await app.end('SIGKILL');
      await app.start();
      expect((await list()).data).toMatchObject([ALIEN]);
    });

    it('knows genres', async () => {
      await app.add(ALIEN);
      await app.add(HEAT);
      expect((await list('?genre=crime')).data).toMatchObject([HEAT]);
      for (const path of ['/movies', '/events', '/events/filtered']) {
        const response = await app.send('GET', `${path}?genre=noir`);
        expect(response.status).toBe(400);
      }
    });
  });

  describe.each(['/events', '/events/filtered'])('GET %s?genre=', (path) => {
    it('gives the movies of the genre, and tells when one leaves it', async () => {
      const reader = await read(`${path}?genre=horror`);
      await app.add(HEAT);
      const { id } = await app.add(ALIEN);
      await app.send('PATCH', `/movie/${id}`, { genre: 'thriller' });
      await app.send('PATCH', `/movie/${id}`, { title: 'Alien 3' });
      await app.add({ ...ALIEN, title: 'It' });
      await reader.until(about('It'));
      expect(reader.titles).toEqual(['Alien', 'Alien', 'It']);
    });
  });

  it('tells how many are watching', async () => {
    const first = await read('/events');
    await first.until(
      ({ type, data }) => type === 'watching' && data.count === 1,
    );
    const second = await read('/events');
    await second.until(
      ({ type, data }) => type === 'watching' && data.count === 2,
    );
    first.events.length = 0;
    second.close();
    const event = await first.until(
      ({ type, data }) => type === 'watching' && data.count === 1,
    );
    expect(event).toBeDefined();
  });

  describe('GET /users/:id/events', () => {
    const signIn = async (id: string) => {
      const response = await app.send('POST', `/sign-in/${id}`);
      return { Cookie: response.headers.getSetCookie()[0]!.split(';')[0]! };
    };

    it('is for the user alone', async () => {
      const jane = await signIn('jane@x.org');
      const status = async (headers?: Record<string, string>) =>
        (await app.send('GET', '/users/42/events', undefined, headers)).status;
      expect(await status()).toBe(401);
      expect(await status({ Cookie: 'user=s%3A42.forged' })).toBe(401);
      expect(await status(jane)).toBe(403);
    });

    it("gives the user's recommendations, and nobody else's", async () => {
      const jane = await read(
        '/users/jane@x.org/events',
        await signIn('jane@x.org'),
      );
      const joe = await read('/users/joe/events', await signIn('joe'));
      const everybody = await read('/events');
      const alien = await app.add(ALIEN);
      const heat = await app.add(HEAT);
      const recommend = (user: string, { id }: { id: number }) =>
        app.send('POST', `/users/${user}/recommendations`, { movieId: id });
      expect((await recommend('jane@x.org', alien)).status).toBe(204);
      expect((await recommend('joe', heat)).status).toBe(204);
      await jane.until(({ type }) => type === 'movie.recommended');
      await joe.until(({ type }) => type === 'movie.recommended');
      await app.add({ ...ALIEN, title: 'It' });
      await everybody.until(about('It'));
      expect(jane.titles).toEqual(['Alien']);
      expect(joe.titles).toEqual(['Heat']);
      expect(everybody.titles).toEqual(['Alien', 'Heat', 'It']);
    });

    it('answers for a movie or a user id that cannot be', async () => {
      const recommend = async (user: string, movieId: unknown) =>
        (await app.send('POST', `/users/${user}/recommendations`, { movieId }))
          .status;
      expect(await recommend('joe', 999)).toBe(404);
      expect(await recommend('joe', 'alien')).toBe(400);
      expect(await recommend('x'.repeat(300), 1)).toBe(400);
    });
  });

  it('serves the page', async () => {
    const response = await app.send('GET', '/');
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('<title>Movie events</title>');
  });

  it('ends its streams and itself when it is told to', async () => {
    const reader = await read('/events');
    const ended = reader.ended();
    await app.end('SIGTERM');
    await ended;
    await app.start();
  });
});
