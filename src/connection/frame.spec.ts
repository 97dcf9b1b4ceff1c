import { createParser } from 'eventsource-parser';
import type { EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import {
  Frame,
  InvalidFrameException,
  encodeEvent,
  encodeFrame,
} from './frame.js';
import type { FrameFields } from './frame.js';

const textOf = (frame: Frame): string => frame.raw.toString('utf8');
const encoded = (fields: FrameFields): string => textOf(encodeFrame(fields));

/** What a client makes of bytes. */
function parse(...frames: Frame[]) {
  const events: EventSourceMessage[] = [];
  const retries: number[] = [];
  const comments: string[] = [];
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onRetry: (retry) => retries.push(retry),
    onComment: (comment) => comments.push(comment),
    onError: (error) => {
      throw error;
    },
  });
  parser.feed(Buffer.concat(frames.map(({ raw }) => raw)).toString('utf8'));
  return { events, retries, comments };
}

/** A receiver makes LF of every line end (WHATWG HTML, 9.2.6). */
const normalized = (text: string): string => text.replace(/\r\n|\r/g, '\n');

const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\r', '\n', '\r\n', ' ', ':', 'a', 'é') }),
);
const fields = texts.map((text) => text.replace(/[\r\n\0]/g, '') || 'x');

describe('a frame', () => {
  it.each<[string, FrameFields, string]>([
    ['data', { data: 'hi' }, 'data: hi\n\n'],
    ['empty data', { data: '' }, 'data: \n\n'],
    ['data that begins with a space', { data: ' hi' }, 'data:  hi\n\n'],
    ['LF', { data: 'a\nb' }, 'data: a\ndata: b\n\n'],
    ['CR', { data: 'a\rb' }, 'data: a\ndata: b\n\n'],
    ['CRLF', { data: 'a\r\nb' }, 'data: a\ndata: b\n\n'],
    [
      'every line end in turn',
      { data: '\na\r\n\r\nb\r' },
      'data: \ndata: a\ndata: \ndata: b\ndata: \n\n',
    ],
    [
      'data that looks like a field',
      { data: 'a\nid: 5\n\nevent: x' },
      'data: a\ndata: id: 5\ndata: \ndata: event: x\n\n',
    ],
    [
      'every field',
      { comment: 'c', retry: 5, type: 't', id: 'i', data: 'd' },
      ': c\nretry: 5\nevent: t\nid: i\ndata: d\n\n',
    ],
    ['type message, which is the default', { type: 'message' }, '\n'],
    ['an id alone', { id: 'e-1' }, 'id: e-1\n\n'],
    ['an empty comment', { comment: '' }, ': \n\n'],
    [
      'a comment of several lines',
      { comment: 'a\r\nb\rdata: x' },
      ': a\n: b\n: data: x\n\n',
    ],
    ['a retry with a fraction', { retry: 1.6 }, 'retry: 2\n\n'],
    ['a negative retry', { retry: -5 }, 'retry: 0\n\n'],
    ['nothing', {}, '\n'],
  ])('with %s', (_, given, expected) => {
    expect(encoded(given)).toBe(expected);
  });

  it.each(['a\rb', 'a\nb', 'a\r\nb', 'a\0b', '\n'])(
    'refuses %j in type and id, naming the field',
    (value) => {
      expect(() => encodeFrame({ type: value })).toThrow(InvalidFrameException);
      expect(() => encodeFrame({ type: value })).toThrow(
        `type ${JSON.stringify(value)}`,
      );
      expect(() => encodeFrame({ id: value })).toThrow(InvalidFrameException);
      expect(() => encodeFrame({ id: value })).toThrow(
        `id ${JSON.stringify(value)}`,
      );
    },
  );

  it('is read back by a client as the event that it was', () => {
    fc.assert(
      fc.property(
        fc.record({
          type: fc.option(fields, { nil: undefined }),
          id: fc.option(fields, { nil: undefined }),
          data: texts,
        }),
        ({ type, id, data }) => {
          const { events } = parse(encodeFrame({ type, id, data }));
          expect(events).toEqual([
            {
              id,
              event: type === 'message' ? undefined : type,
              data: normalized(data),
            },
          ]);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('is the one block that a client reads, whatever comes before and after', () => {
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 4 }), texts, (all, comment) => {
        const { events, comments } = parse(
          encodeFrame({ comment }),
          ...all.map((data) => encodeFrame({ data })),
        );
        expect(events.map(({ data }) => data)).toEqual(all.map(normalized));
        expect(comments.join('\n')).toBe(normalized(comment));
      }),
    );
  });

  it('ends with an empty line and has none before', () => {
    fc.assert(
      fc.property(texts, fields, (data, type) => {
        expect(encoded({ type, data }).indexOf('\n\n')).toBe(
          encoded({ type, data }).length - 2,
        );
        expect(encoded({ type, data })).not.toContain('\r');
      }),
    );
  });

  it('with retry tells a client how long to wait', () => {
    expect(parse(encodeFrame({ retry: 3_000 })).retries).toEqual([3_000]);
  });
});

describe('the bytes of a frame', () => {
  it('are one chunk, whose size is their number and not that of characters', () => {
    const frame = Frame.of('é€😀');

    expect(frame.length).toBe(9);
    expect(frame.chunked.toString('utf8')).toBe('9\r\né€😀\r\n');
    expect(frame.raw.toString('utf8')).toBe('é€😀');
  });

  it('have their size in hexadecimal', () => {
    expect(Frame.of('x'.repeat(26)).chunked.toString('latin1')).toMatch(
      /^1a\r\n/,
    );
    expect(Frame.of('x'.repeat(65_536)).chunked.toString('latin1')).toMatch(
      /^10000\r\n/,
    );
  });

  it('are exact for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const frame = Frame.of(text);
        const bytes = Buffer.from(text);
        expect(frame.raw.equals(bytes)).toBe(true);
        expect(frame.length).toBe(bytes.length);
        expect(
          frame.chunked.equals(
            Buffer.concat([
              Buffer.from(`${bytes.length.toString(16)}\r\n`),
              bytes,
              Buffer.from('\r\n'),
            ]),
          ),
        ).toBe(true);
      }),
    );
  });

  it('are well formed for half of a surrogate pair', () => {
    const frame = Frame.of('a\ud83d');

    expect(frame.length).toBe(4);
    expect(frame.raw.toString('utf8')).toBe('a\ufffd');
  });

  it('follow one another when frames are joined, as one chunk', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (all) => {
        const joined = Frame.concat(all.map((text) => Frame.of(text)));
        const whole = Frame.of(all.join(''));
        expect(joined.chunked.equals(whole.chunked)).toBe(true);
        expect(joined.raw.equals(whole.raw)).toBe(true);
      }),
    );
  });
});

describe('encodeEvent', () => {
  it('sends a string as it is and other data as JSON', () => {
    const dataOf = (data: unknown): string =>
      textOf(encodeEvent({ type: 'message', text: JSON.stringify(data) }));

    expect(dataOf('plain')).toBe('data: plain\n\n');
    expect(dataOf('a\nb')).toBe('data: a\ndata: b\n\n');
    expect(dataOf('{"a":1}')).toBe('data: {"a":1}\n\n');
    expect(dataOf({ a: 'x\ny' })).toBe('data: {"a":"x\\ny"}\n\n');
    expect(dataOf(['x'])).toBe('data: ["x"]\n\n');
    expect(dataOf(null)).toBe('data: null\n\n');
    expect(dataOf(5)).toBe('data: 5\n\n');
  });

  it('gives a client id, type and data back', () => {
    fc.assert(
      fc.property(fields, fc.jsonValue(), (type, data) => {
        fc.pre(type !== 'message' && typeof data !== 'string');
        const text = JSON.stringify(data);
        const [event] = parse(encodeEvent({ id: 'e-1', type, text })).events;
        expect(event).toEqual({ id: 'e-1', event: type, data: text });
      }),
    );
  });
});
