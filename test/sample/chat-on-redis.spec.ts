import { RedisServer } from '../support/redis-server.js';
import { losesNothing } from './chat-loses-nothing.js';
import { ChatApp, heard, hears, present } from './chat.app.js';

describe('the chat on Redis', () => {
  let redis: RedisServer;

  beforeEach(async () => {
    redis = await RedisServer.start({ appendOnly: true });
  });

  afterEach(() => redis.stop());

  losesNothing(async () => {
    const app = await ChatApp.create(redis.url);
    return { app, end: () => app.dispose() };
  });

  it('answers 503 while Redis is away, and stores once what is sent again', async () => {
    const app = await ChatApp.create(redis.url);
    try {
      const stream = await app.listen('/messages?id=1');
      await stream.next('hub.checkpoint');
      const say = async () => {
        const body = { message: 'Hi', id: 'a1' };
        return (await app.send('POST', '/message?id=2', body)).status;
      };
      await redis.kill();
      expect(await say()).toBe(503);
      await redis.restart();
      while ((await say()) !== 200);
      expect(await say()).toBe(200);
      await app.say('2', 'last');
      await hears(stream, 'last');
      expect(heard(stream)).toEqual(['Hi', 'last']);
      expect(await app.history()).toHaveLength(2);
    } finally {
      await app.dispose();
    }
  });

  describe('of two processes', () => {
    let a: ChatApp;
    let b: ChatApp;

    beforeEach(async () => {
      [a, b] = await Promise.all([
        ChatApp.create(redis.url),
        ChatApp.create(redis.url),
      ]);
    });

    afterEach(() => Promise.all([a.dispose(), b.dispose()]));

    it('is one chat: the messages, and their order', async () => {
      const atA = await a.listen('/messages?id=1');
      const atB = await b.listen('/messages?id=2');
      await Promise.all(
        Array.from({ length: 20 }, (_, n) => (n % 2 ? a : b).say('3', `${n}`)),
      );
      await a.say('3', 'last');
      await hears(atA, 'last');
      await hears(atB, 'last');
      expect(heard(atA)).toHaveLength(21);
      expect(heard(atB)).toEqual(heard(atA));
      const history = await a.history();
      expect(await b.history()).toEqual(history);
      expect(history).toMatchObject(heard(atA).map((message) => ({ message })));
    });

    it('knows a guest of the other, and tells none of the own messages', async () => {
      const guest = await a.guest();
      const atB = await b.listen('/messages', guest.cookie);
      expect((await atB.next('present')).data.you).toBe(guest.id);
      await guest.say('Mine');
      await b.say('5678', 'Theirs');
      for (const stream of [guest.stream, atB]) {
        await hears(stream, 'Theirs');
        expect(heard(stream)).toEqual(['Theirs']);
      }
    });

    it('is one room', async () => {
      const atA = await a.guest();
      const atB = await b.guest();
      for (const { stream } of [atA, atB]) {
        await present(stream, [atA.id, atB.id]);
      }
    });

    it('lets who loses one go on at the other', async () => {
      const stream = await a.listen('/messages?id=1');
      await b.say('2', 'before');
      await hears(stream, 'before');
      await a.end('SIGKILL');
      await b.say('2', 'missed');
      const response = await fetch(
        `${b.url}/messages?id=1&lastEventId=${stream.lastEventId}`,
      );
      let text = '';
      for await (const chunk of response.body!.pipeThrough(
        new TextDecoderStream(),
      )) {
        text += chunk;
        if (text.includes('missed')) break;
      }
      expect(text).not.toContain('before');
      expect(text).not.toContain('hub.reset');
    });
  });
});
