import { Controller, HttpException, NotFoundException } from '@nestjs/common';
import type { INestApplication, MessageEvent } from '@nestjs/common';
import { Sse, SseRouteException } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import {
  EMPTY,
  NEVER,
  ReplaySubject,
  Subject,
  concat,
  defer,
  finalize,
  from,
  of,
  startWith,
  throwError,
} from 'rxjs';
import type { Observer, Unsubscribable } from 'rxjs';
import { answer } from './support/answer.js';
import { CaughtErrors } from './support/caught-errors.js';
import { eventually, settled } from './support/eventually.js';
import { closeApps, platforms, startApp } from './support/running-app.js';

/** What `isObservable` of RxJS takes for one of its own. */
interface InteropObservable {
  lift(): InteropObservable;
  subscribe(observer: Observer<unknown>): Unsubscribable;
}

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

describe.each(platforms)('What a handler returns, on %s', (_, adapter) => {
  /** Starts an app with one handler and gives its URL. */
  async function serve(handler: () => unknown): Promise<string> {
    @Controller()
    class ResultController {
      @Sse('events')
      events() {
        return handler();
      }
    }
    return `${(await startApp(adapter, { controllers: [ResultController] })).url}/events`;
  }

  const open = (...values: unknown[]) => NEVER.pipe(startWith(...values));

  /** The frames that a stream of values becomes, without the first `retry`. */
  async function framesOf(...values: unknown[]): Promise<string> {
    const client = await SseTestClient.connect(await serve(() => from(values)));
    await client.untilClosed();
    return client.text
      .replace(/^retry: \d+\n\n/, '')
      .replace(/event: hub\.complete\ndata: {}\n\n$/, '');
  }

  describe('values', () => {
    const values: [name: string, value: unknown, frame: string][] = [
      ['a string', 'hello', 'data: hello\n\n'],
      ['an empty string', '', 'data: \n\n'],
      ['lines', 'a\nb\r\nc\rd', 'data: a\ndata: b\ndata: c\ndata: d\n\n'],
      ['text beyond ASCII', 'żółć 🎬', 'data: żółć 🎬\n\n'],
      ['a number', 0, 'data: 0\n\n'],
      ['a boolean', false, 'data: false\n\n'],
      ['null', null, 'data: null\n\n'],
      ['a plain object', { title: 'Alien' }, 'data: {"title":"Alien"}\n\n'],
      ['an array', [1, 2], 'data: [1,2]\n\n'],
      ['a message', { data: { a: 1 } }, 'data: {"a":1}\n\n'],
      [
        'a message of a type',
        { type: 'ping', data: 'x' },
        'event: ping\ndata: x\n\n',
      ],
      [
        'a message with an id',
        { id: 'abc', data: 'x' },
        'id: abc\ndata: x\n\n',
      ],
      ['a message with the id 0', { id: 0, data: 'x' }, 'id: 0\ndata: x\n\n'],
      [
        'a message with a retry',
        { retry: 10, data: 'x' },
        'retry: 10\ndata: x\n\n',
      ],
      ['a comment', { comment: 'still\nhere' }, ': still\n: here\n\n'],
      [
        'a message with everything',
        { data: 'd', comment: 'c', retry: 1, type: 't', id: 'i' },
        ': c\nretry: 1\nevent: t\nid: i\ndata: d\n\n',
      ],
    ];

    it.each(values)('%s', async (_name, value, frame) => {
      expect(await framesOf(value)).toBe(frame);
    });

    it('messages without an id get none', async () => {
      const client = await SseTestClient.connect(
        await serve(() =>
          from([{ data: 1 }, 'two', { id: '7', data: 3 }, { data: 4 }]),
        ),
      );
      await client.untilClosed();
      expect(client.received.map(({ id }) => id)).toEqual([
        undefined,
        undefined,
        '7',
        undefined,
        undefined,
      ]);
      expect(client.lastEventId).toBe('7');
    });

    it('a message may be a class with getters', async () => {
      class Ticket implements MessageEvent {
        get type() {
          return 'ticket';
        }

        get data() {
          return { seat: 4 };
        }
      }
      expect(await framesOf(new Ticket())).toBe(
        'event: ticket\ndata: {"seat":4}\n\n',
      );
    });

    it('an object is not changed by being sent', async () => {
      const message = Object.freeze({ data: Object.freeze({ a: 1 }) });
      expect(await framesOf(message, message)).toBe(
        'data: {"a":1}\n\n'.repeat(2),
      );
    });

    const unsendable: [name: string, value: unknown][] = [
      ['a type with a line end', { type: 'a\ndata: forged', data: 'x' }],
      ['an id with a line end', { id: 'a\n\ndata: forged', data: 'x' }],
      ['an id with NUL', { id: 'a\0', data: 'forged' }],
      ['a BigInt', { data: 1n }],
    ];

    it.each(unsendable)(
      '%s ends the stream with hub.error, not with a forged event',
      async (_name, value) => {
        const source = new ReplaySubject<unknown>();
        const client = await SseTestClient.connect(await serve(() => source));
        source.next('first');
        source.next(value);
        source.next('never sent');
        expect((await client.next()).data).toBe('first');
        await client.next('hub.error');
        expect((await client.untilClosed()).clean).toBe(true);
        expect(client.text).not.toMatch(/forged|never sent/);
        expect(source.observed).toBe(false);
      },
    );

    it.each(unsendable)(
      '%s that is emitted at subscribe answers 500',
      async (_name, value) => {
        expect(
          (await answer(await serve(() => concat(of('first', value), NEVER))))
            .status,
        ).toBe(500);
      },
    );
  });

  describe('an observable', () => {
    it('that completes says hub.complete and ends cleanly', async () => {
      const client = await SseTestClient.connect(
        await serve(() => of('one', 'two')),
      );
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.received.map(({ type, data }) => [type, data])).toEqual([
        ['message', 'one'],
        ['message', 'two'],
        ['hub.complete', {}],
      ]);
    });

    it('that is empty is a stream all the same', async () => {
      const client = await SseTestClient.connect(await serve(() => EMPTY));
      expect(client.status).toBe(200);
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.received.map(({ type }) => type)).toEqual(['hub.complete']);
    });

    it('that is silent gets its head at once', async () => {
      const client = await SseTestClient.connect(await serve(() => NEVER));
      expect(client.status).toBe(200);
      await client.until(() => client.retry !== undefined);
    });

    it('that emits later is sent as it emits', async () => {
      const subject = new Subject<string>();
      const client = await SseTestClient.connect(await serve(() => subject));
      for (const word of ['one', 'two', 'three']) {
        subject.next(word);
        expect((await client.next()).data).toBe(word);
      }
    });

    it('is subscribed to once for each client, and unsubscribed when the client leaves', async () => {
      let subscribed = 0;
      let released = 0;
      const url = await serve(() =>
        defer(() => {
          subscribed++;
          return open('hi');
        }).pipe(finalize(() => released++)),
      );
      const [a, b] = [
        await SseTestClient.connect(url),
        await SseTestClient.connect(url),
      ];
      await a.next();
      await b.next();
      expect([subscribed, released]).toEqual([2, 0]);
      await a.dropConnection();
      await eventually(() => released === 1);
      await b.dropConnection();
      await eventually(() => released === 2);
      expect(subscribed).toBe(2);
    });

    it('that fails after the head says hub.error behind what it sent, without internals', async () => {
      const source = new ReplaySubject<string>();
      const client = await SseTestClient.connect(await serve(() => source));
      source.next('sent before');
      source.error(
        new Error('connect ECONNREFUSED 10.0.0.7:5432 password=hunter2'),
      );
      expect((await client.next()).data).toBe('sent before');
      expect((await client.next('hub.error')).data).toMatchObject({
        message: 'Internal server error',
      });
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.text).not.toMatch(/hunter2|ECONNREFUSED|\bat /);
    });

    it('that fails after the head with an HttpException tells its message', async () => {
      const source = new Subject<string>();
      const client = await SseTestClient.connect(await serve(() => source));
      source.error(
        new HttpException('The match is over', 410, {
          cause: new Error('hunter2'),
        }),
      );
      expect((await client.next('hub.error')).data).toMatchObject({
        message: 'The match is over',
      });
      expect(client.text).not.toContain('hunter2');
    });

    it('may come by a promise, also from a handler that awaits', async () => {
      const client = await SseTestClient.connect(
        await serve(async () => {
          await new Promise((done) => setImmediate(done));
          return open('late but here');
        }),
      );
      expect((await client.next()).data).toBe('late but here');
    });

    it('may be of another copy of RxJS', async () => {
      const foreign: InteropObservable = {
        lift: () => foreign,
        subscribe: (observer) => open('foreign').subscribe(observer),
      };
      const client = await SseTestClient.connect(await serve(() => foreign));
      expect((await client.next()).data).toBe('foreign');
    });
  });

  describe('an async generator', () => {
    it('is streamed to its end', async () => {
      const client = await SseTestClient.connect(
        await serve(async function* () {
          yield 'one';
          await new Promise((done) => setImmediate(done));
          yield { type: 'named', data: 'two' };
        }),
      );
      expect((await client.next()).data).toBe('one');
      expect(await client.next()).toMatchObject({ type: 'named', data: 'two' });
      await client.next('hub.complete');
      expect((await client.untilClosed()).clean).toBe(true);
    });

    it('may come by a promise', async () => {
      async function* words() {
        yield await Promise.resolve('word');
      }
      const client = await SseTestClient.connect(
        await serve(async () => Promise.resolve(words())),
      );
      expect((await client.next()).data).toBe('word');
    });

    it('may be any async iterable, also one without return()', async () => {
      const values = ['one', 'two'];
      const client = await SseTestClient.connect(
        await serve(() => ({
          [Symbol.asyncIterator]: () => ({
            next: () =>
              Promise.resolve({
                done: values.length === 0,
                value: values.shift(),
              }),
          }),
        })),
      );
      expect((await client.next()).data).toBe('one');
      expect((await client.next()).data).toBe('two');
      await client.next('hub.complete');
    });

    it('runs its finally blocks when the client leaves between two values', async () => {
      let released = false;
      const url = await serve(async function* () {
        try {
          for (let i = 0; ; i++) {
            yield i;
            await new Promise((done) => setImmediate(done));
          }
        } finally {
          released = true;
        }
      });
      const client = await SseTestClient.connect(url);
      await client.next();
      await client.dropConnection();
      await eventually(() => released);
    });

    it('that fails says hub.error', async () => {
      const client = await SseTestClient.connect(
        await serve(async function* () {
          yield await Promise.resolve('one');
          throw new Error('hunter2');
        }),
      );
      expect((await client.next()).data).toBe('one');
      expect((await client.next('hub.error')).data).toMatchObject({
        message: 'Internal server error',
      });
      expect(client.text).not.toContain('hunter2');
    });

    it('is not pulled while the client does not read, and continues where it was', async () => {
      let pulled = 0;
      let released = false;
      const url = await serve(async function* () {
        try {
          for (;;) {
            yield await Promise.resolve(`${pulled++} ${'x'.repeat(64 * 1024)}`);
          }
        } finally {
          released = true;
        }
      });
      const client = await SseTestClient.connect(url);
      client.pause();
      const held = await settled(() => pulled);
      expect(held).toBeLessThan(1_000);
      expect(released).toBe(false);
      client.resume();
      await client.until(() => client.received.length > held + 10);
      const numbers = client.received.map(({ data }) =>
        Number.parseInt(data, 10),
      );
      expect(numbers).toEqual(numbers.map((_number, index) => index));
      await client.dropConnection();
      await eventually(() => released);
      expect(await settled(() => pulled)).toBe(pulled);
    });
  });

  describe('what is no stream', () => {
    const results: [name: string, result: unknown][] = [
      ['undefined', undefined],
      ['an object', { data: 1 }],
      ['a string', 'text'],
      ['an array', ['text']],
      ['a promise of a value', Promise.resolve(1)],
    ];

    it.each(results)(
      '%s is refused, and the error says what to return',
      async (_name, result) => {
        let caught!: CaughtErrors;
        @Controller()
        class WrongController {
          @Sse('events')
          events() {
            return result;
          }
        }
        const { url } = await startApp(adapter, {
          controllers: [WrongController],
          configure: (app: INestApplication) =>
            (caught = new CaughtErrors(app)),
        });
        const { status, body } = await answer(`${url}/events`);
        expect(status).toBe(500);
        expect(body).toMatchObject({ message: 'Internal server error' });
        expect(caught.errors).toHaveLength(1);
        expect(caught.errors[0]).toBeInstanceOf(SseRouteException);
        expect(caught.errors[0]!.message).toMatch(
          /must return an Observable, a promise of one, or an async iterable/,
        );
      },
    );
  });

  it('an exception of an async handler answers with its status', async () => {
    const url = await serve(async () => {
      await new Promise((done) => setImmediate(done));
      throw new NotFoundException();
    });
    expect((await answer(url)).status).toBe(404);
  });

  it('an observable that fails at subscribe answers with its status', async () => {
    const url = await serve(() => throwError(() => new NotFoundException()));
    expect((await answer(url)).status).toBe(404);
  });
});
