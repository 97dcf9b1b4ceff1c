import { RedisServer } from '../support/redis-server.js';
import { AccountsApp } from './accounts.app.js';

describe('the accounts app while Redis is away', () => {
  let redis: RedisServer;
  let app: AccountsApp;

  beforeAll(async () => {
    redis = await RedisServer.start({ appendOnly: true });
    app = await AccountsApp.create({ LOG: redis.url });
  });

  afterEach(() => app.drop());

  afterAll(async () => {
    await app?.dispose();
    await redis?.stop();
  });

  it('signs in and out', async () => {
    await redis.kill();
    const ben = await app.signIn('ben');
    expect(await ben.status('DELETE', '/session')).toBe(204);
    expect(await (await ben.send('GET', '/session')).json()).toEqual({
      reason: 'ended',
    });
    await redis.restart();
  });

  it.each([
    [
      'a notification',
      '/users/ada/notifications',
      '/users/ada',
      'notification',
    ],
    ['a note', '/newsroom', '/newsroom', 'note'],
  ])(
    'keeps %s, and has it once when it is sent again',
    async (_, path, stream, type) => {
      const ada = await app.signIn('ada');
      const events = await ada.listen(`${stream}/events`);
      const send = (text: string) =>
        ada.status('POST', path, { text, id: 'known-to-the-page' });
      await redis.kill();
      expect(await send('first')).toBe(503);
      expect(await send('first')).toBe(503);
      await redis.restart();
      while ((await send('first')) !== 201);
      expect(await send('first')).toBe(201);
      expect(await send('another')).toBe(422);
      expect(await ada.status('POST', path, { text: 'last' })).toBe(201);
      await events.next(({ text }) => text.includes('"last"'));
      const told = events.received.filter((event) => event.type === type);
      expect(told.map(({ data }) => data.text)).toEqual(['first', 'last']);
      const { data } = await (await ada.send('GET', path)).json();
      expect(data).toEqual(told.map((event) => event.data));
    },
  );
});
