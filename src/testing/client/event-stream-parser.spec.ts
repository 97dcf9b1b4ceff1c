import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { EventStreamParser } from './event-stream-parser.js';
import type { StreamBlock } from './event-stream-parser.js';

function parse(...chunks: string[]): { blocks: StreamBlock[]; retry?: number } {
  const blocks: StreamBlock[] = [];
  const parser = new EventStreamParser((block) => blocks.push(block));
  for (const chunk of chunks) {
    parser.feed(chunk);
  }
  return { blocks, retry: parser.retry };
}

const eventsOf = (blocks: readonly StreamBlock[]) =>
  blocks.flatMap(({ type, id, data }) =>
    data === undefined ? [] : [{ type, id, data }],
  );

describe('The parser of event streams', () => {
  it.each<[string, string, object[]]>([
    ['joins the lines of data', 'data: a\ndata: b\n\n', [{ data: 'a\nb' }]],
    ['takes one space away', 'data:  a\n\n', [{ data: ' a' }]],
    ['needs no space', 'event:x\ndata:a\n\n', [{ type: 'x', data: 'a' }]],
    ['knows a field without a colon', 'data\n\n', [{ data: '' }]],
    [
      'passes over unknown fields',
      'foo: 1\nData: 2\ndata: a\n\n',
      [{ data: 'a' }],
    ],
    [
      'takes an empty event field for none',
      'event:\ndata: a\n\n',
      [{ data: 'a' }],
    ],
    ['ignores an id with NUL', 'id: 1\0\ndata: a\n\n', [{ data: 'a' }]],
    ['reads CR', 'data: a\r\rdata: b\n\n', [{ data: 'a' }, { data: 'b' }]],
    ['discards what is cut off', 'data: a\n\ndata: b\n', [{ data: 'a' }]],
    ['passes over one byte order mark', '\uFEFFdata: a\n\n', [{ data: 'a' }]],
  ])('%s', (_, text, expected) => {
    const none = { type: undefined, id: undefined };
    expect(eventsOf(parse(text).blocks)).toEqual(
      expected.map((event) => ({ ...none, ...event })),
    );
  });

  it('keeps the id of a block without data, which a browser obeys', () => {
    expect(parse('id: 7\n\n').blocks).toMatchObject([
      { id: '7', data: undefined },
    ]);
  });

  it('takes a retry of digits only', () => {
    expect(parse('retry: 30\n\n').retry).toBe(30);
    expect(parse('retry: 30\nretry: 4s\nretry: -1\n\n').retry).toBe(30);
  });

  it('gives comments and the text of each block', () => {
    const text = ': one\n:two\n\nevent: x\r\ndata: 1\r\n\r\n';
    expect(parse(text).blocks).toMatchObject([
      { raw: ': one\n:two\n\n', comments: ['one', 'two'] },
      { raw: 'event: x\r\ndata: 1\r\n\r\n', comments: [] },
    ]);
  });

  const piece = fc.oneof(
    fc.constantFrom(
      '\n',
      '\r',
      '\r\n',
      '\n\n',
      ':',
      ' ',
      'data',
      'event',
      'id',
    ),
    fc.constantFrom('data: ', 'event: ', 'id: ', 'retry: ', '12', '\0', 'x'),
    fc.string({ maxLength: 4 }),
  );
  // Only the text that `eventsource-parser` takes for bytes of a mark is left out.
  const stream = fc
    .array(piece, { maxLength: 60 })
    .map((pieces) => pieces.join(''))
    .filter((text) => !/^(\uFEFF|\u00EF\u00BB\u00BF)/.test(text));

  it('reads what eventsource-parser reads, wherever the text is cut', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(200)), (text, cuts) => {
        const events: object[] = [];
        const comments: string[] = [];
        let retry: number | undefined;
        const theirs = createParser({
          onEvent: ({ id, event: type, data }) =>
            events.push({ type, id, data }),
          onComment: (comment) => comments.push(comment),
          onRetry: (time) => (retry = time),
        });
        // Comments are given with their block, so the last one needs an end.
        const whole = `${text}\n\n`;
        theirs.feed(whole);

        const places = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
        const chunks = places.map((place, i) =>
          whole.slice(place, places[i + 1] ?? whole.length),
        );
        const ours = parse(...chunks);

        expect(eventsOf(ours.blocks)).toEqual(events);
        expect(ours.blocks.flatMap((block) => block.comments)).toEqual(
          comments,
        );
        expect(ours.retry).toBe(retry);
        expect(ours.blocks.map(({ raw }) => raw).join('')).toBe(whole);
      }),
      { numRuns: 2_000 },
    );
  });
});
