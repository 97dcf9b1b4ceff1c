import { type ChatApp, heard, hears } from './chat.app.js';

interface Started {
  app: ChatApp;
  end: () => Promise<void>;
}

/** For the `describe` of a chat whose log stays. */
export function losesNothing(start: () => Promise<Started>) {
  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'loses no message over a %s',
    async (signal) => {
      const { app, end } = await start();
      try {
        const stream = await app.listen('/messages?id=1234');
        await app.say('5678', 'before');
        await hears(stream, 'before');
        await stream.dropConnection();
        await app.say('5678', 'missed');
        await app.end(signal);
        await app.start();
        await app.say('5678', 'after');
        await stream.reconnect();
        await hears(stream, 'after');
        expect(heard(stream)).toEqual(['before', 'missed', 'after']);
        expect(stream.received.map(({ type }) => type)).not.toContain(
          'hub.reset',
        );
        expect(await app.history()).toEqual(
          ['before', 'missed', 'after'].map((message) => ({
            user_id: '5678',
            message,
          })),
        );
      } finally {
        await end();
      }
    },
  );

  it('stores a message once that is sent again after a restart', async () => {
    const { app, end } = await start();
    try {
      const body = { message: 'Once', id: 'a1' };
      await app.send('POST', '/message?id=1234', body);
      await app.end('SIGKILL');
      await app.start();
      const response = await app.send('POST', '/message?id=1234', body);
      expect(response.status).toBe(200);
      expect(await app.history()).toHaveLength(1);
    } finally {
      await end();
    }
  });
}
