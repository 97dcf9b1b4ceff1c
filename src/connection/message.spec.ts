import { SseStream } from '@nestjs/core/router/sse-stream.js';
import { createParser } from 'eventsource-parser';
import type { EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import { HubEvent } from '../hub/hub-event.js';
import { UnserializableDataException } from '../hub/serialize.js';
import { encodeFrame } from './frame.js';
import { toFields } from './message.js';

/** What a client makes of a text. */
function parse(text: string) {
  const events: EventSourceMessage[] = [];
  const retries: number[] = [];
  const comments: string[] = [];
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onRetry: (retry) => retries.push(retry),
    onComment: (comment) => comments.push(comment),
  });
  parser.feed(text);
  return { events, retries, comments };
}

/** What Nest's own `@Sse()` writes for a message. */
function writtenByNest(message: object): string {
  const stream = new SseStream();
  stream.writeMessage(message as never, () => undefined);
  return String(stream.read());
}

describe('what a handler emits', () => {
  it.each([
    ['a string', 'hi', { data: 'hi' }],
    ['an empty string', '', { data: '' }],
    ['a number', 5, { data: '5' }],
    ['a boolean', false, { data: 'false' }],
    ['null', null, { data: 'null' }],
    ['an array', [1, 'a'], { data: '[1,"a"]' }],
    [
      'an object without fields of a message',
      { title: 'Alien' },
      { data: '{"title":"Alien"}' },
    ],
    ['an empty object', {}, { data: '{}' }],
  ])('is the data of a message: %s', (_, value, expected) => {
    expect(toFields(value)).toEqual(expected);
  });

  it.each([
    ['data', { data: { a: 1 } }, { data: '{"a":1}' }],
    ['data that is a string', { data: 'a\nb' }, { data: 'a\nb' }],
    ['data that is empty', { data: '' }, { data: '' }],
    ['data that is 0', { data: 0 }, { data: '0' }],
    ['type and data', { type: 't', data: 'd' }, { type: 't', data: 'd' }],
    ['a type alone', { type: 't' }, { type: 't' }],
    ['an id that is a number', { id: 7, data: 'd' }, { id: '7', data: 'd' }],
    ['an id that is 0', { id: 0, data: 'd' }, { id: '0', data: 'd' }],
    ['a comment alone', { comment: 'c' }, { comment: 'c' }],
    ['a retry alone', { retry: 500 }, { retry: 500 }],
    ['a retry of 0', { retry: 0 }, { retry: 0 }],
    [
      'fields that are null',
      { data: 'd', id: null, type: null, retry: null, comment: null },
      { data: 'd' },
    ],
    ['a retry that is NaN', { data: 'd', retry: NaN }, { data: 'd' }],
    ['fields that no message has', { data: 'd', extra: 1 }, { data: 'd' }],
  ])('is a message with %s', (_, value, expected) => {
    expect(toFields(value)).toEqual(expected);
  });

  it('is a message also when its fields are getters of a class', () => {
    class Greeting {
      get type() {
        return 'greeting';
      }

      get data() {
        return { text: 'hi' };
      }
    }

    expect(toFields(new Greeting())).toEqual({
      type: 'greeting',
      data: '{"text":"hi"}',
    });
  });

  it('is a message when it is a hub event', () => {
    const event = new HubEvent({
      id: 'e-1',
      topic: 'movies',
      type: 'movie.added',
      text: '{"n":1}',
      time: 0,
    });

    expect(toFields(event)).toEqual({
      id: 'e-1',
      type: 'movie.added',
      data: '{"n":1}',
    });
  });

  it('is refused when its data cannot become JSON', () => {
    for (const value of [undefined, 5n, { data: { n: 5n } }, { a: NaN }]) {
      expect(() => toFields(value)).toThrow(UnserializableDataException);
    }
  });

  it('reaches a client as from Nest’s own @Sse()', () => {
    const line = fc
      .string({ unit: 'binary', minLength: 1 })
      .map((text) => text.replace(/[\r\n\0]/g, '') || 'x');
    const text = fc.string({
      unit: fc.constantFrom('a', 'é', ' ', ':', '\r', '\n', '\r\n'),
    });
    const messages = fc.record(
      {
        // Nest numbers what has no id, which would replace the client's cursor.
        id: fc.oneof(line, fc.nat()),
        type: line,
        retry: fc.nat(),
        comment: text,
        data: fc.oneof(text, fc.object(), fc.array(fc.jsonValue())),
      },
      { requiredKeys: ['id'] },
    );
    fc.assert(
      fc.property(messages, (message) => {
        let ours: string;
        try {
          ours = encodeFrame(toFields(message)).raw.toString('utf8');
        } catch (error) {
          expect(error).toBeInstanceOf(UnserializableDataException);
          return;
        }
        const theirs = parse(writtenByNest(message));
        // The default type is the same said or left out.
        theirs.events.forEach((event) => {
          event.event = event.event === 'message' ? undefined : event.event;
        });
        expect(parse(ours)).toEqual(theirs);
      }),
    );
  });
});
