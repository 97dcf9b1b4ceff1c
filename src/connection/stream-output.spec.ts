import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { HubEvent } from '../hub/hub-event.js';
import { UnserializableDataException } from '../hub/serialize.js';
import { cursorAt } from '../log/cursor.js';
import { SseRouteException } from './connection.exceptions.js';
import { checkpointFrame } from './control-frames.js';
import type { Frame } from './frame.js';
import { InvalidFrameException } from './frame.js';
import type { OutputConnection, OutputWarning } from './stream-output.js';
import { StreamOutput } from './stream-output.js';

const at = (position: number): string => cursorAt('e', position);

const parts = { topic: 'movies', type: 'message', text: '"now"', time: 0 };

const eventAt = (
  position: number,
  type = 'message',
  dispatched = false,
): HubEvent =>
  new HubEvent({
    dispatched,
    id: at(position),
    topic: 'movies',
    type,
    text: `${position}`,
    time: 0,
  });

const ephemeral = (): HubEvent => new HubEvent(parts);

/** The frame as `data`, or as `data@position` when it has an id. */
function show(frame: Frame): string {
  let shown = '';
  createParser({
    onEvent: ({ id, data, event }) => {
      const text = event === 'hub.checkpoint' ? 'checkpoint' : data;
      const position = id === undefined ? '' : `@${id.replace(/^e-0*/, '')}`;
      shown += text + position;
    },
  }).feed(frame.raw.toString('utf8'));
  return shown;
}

function open(
  start?: string,
  source: Omit<OutputConnection, 'send' | 'warn'> = {
    listener: {},
    reached: at(Number.MAX_SAFE_INTEGER),
  },
  mostWithheld?: number,
) {
  const frames: Frame[] = [];
  const warnings: OutputWarning[] = [];
  const output = new StreamOutput(
    {
      ...source,
      send: (frame) => frames.push(frame),
      warn: (warning) => warnings.push(warning),
    },
    mostWithheld,
  );
  if (start !== undefined) {
    output.startAt(start);
  }
  return {
    output,
    frames,
    warnings,
    get sent() {
      return frames.map(show);
    },
    /** The hub hands on an event, of which the handler makes values at once. */
    hand(event: HubEvent, ...values: unknown[]) {
      output.beforeEvent(event);
      values.forEach((value) => output.next(value));
      output.afterEvent();
    },
    checkpoint: (position: number) =>
      output.checkpoint(at(position), checkpointFrame),
  };
}

const openHub = () => open(at(0));

describe('what is emitted while the hub hands on an event', () => {
  it('carries its id when it is the event itself', () => {
    const stream = openHub();
    stream.hand(eventAt(1), eventAt(1));
    const event = eventAt(2);
    stream.hand(event, event);

    expect(stream.sent).toEqual(['1@1', '2@2']);
    expect(stream.output.cursor).toBe(at(2));
  });

  it('is one frame for all connections when it is the event itself', () => {
    const [a, b] = [openHub(), openHub()];
    const event = eventAt(1);
    a.hand(event, event);
    b.hand(event, event);

    expect(a.frames[0]).toBe(b.frames[0]);
  });

  it.each([
    ['a string', 'text', 'text@1'],
    ['a number', 5, '5@1'],
    ['null', null, 'null@1'],
    ['an array', [1, 2], '[1,2]@1'],
    ['an object', { a: 1 }, '{"a":1}@1'],
    ['a message', { type: 't', data: 'd' }, 'd@1'],
    ['a message whose id is undefined', { id: undefined, data: 'd' }, 'd@1'],
    ['a copy', eventAt(1).with({ data: 'copy' }), 'copy@1'],
  ])('carries its id when it is %s', (_, value, expected) => {
    const stream = openHub();
    stream.hand(eventAt(1), value);

    expect(stream.sent).toEqual([expected]);
    expect(stream.output.cursor).toBe(at(1));
  });

  it('carries its id last, when it is several things, in their order', () => {
    const stream = openHub();
    const event = eventAt(1);
    stream.hand(event, 'a', event, event.with({ data: 'b' }), 'c');

    expect(stream.sent).toEqual(['a', '1', 'b', 'c@1']);
    expect(stream.warnings).toEqual([]);
  });

  it('is sent before the next event is handed on', () => {
    const stream = openHub();
    stream.hand(eventAt(1), 'a');

    expect(stream.sent).toEqual(['a@1']);
  });

  it('is nothing when it is undefined', () => {
    const stream = openHub();
    stream.hand(eventAt(1), undefined);

    expect(stream.sent).toEqual([]);
    expect(stream.checkpoint(1)).toBe(true);
  });

  it('carries its id also when undefined follows', () => {
    const stream = openHub();
    stream.hand(eventAt(1), 'a', undefined);

    expect(stream.sent).toEqual(['a@1']);
  });

  it('carries the newer event’s id when it is a pair', () => {
    const stream = openHub();
    const [first, second] = [eventAt(1), eventAt(2)];
    stream.hand(first);
    stream.hand(second, [first, second]);

    expect(stream.frames).toHaveLength(1);
    expect(stream.output.cursor).toBe(at(2));
  });

  it('may be the event before it once more, which then has no id', () => {
    const stream = openHub();
    const [first, second] = [eventAt(1), eventAt(2)];
    stream.hand(first, first);
    stream.hand(second, first, second);

    expect(stream.sent).toEqual(['1@1', '1', '2@2']);
    expect(stream.warnings).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['another event', eventAt(1)],
    ['a message with an id of its own', { id: 'x', data: '1' }],
  ])('keeps its order around %s', (_, other) => {
    const stream = openHub();
    stream.hand(eventAt(1), eventAt(1));
    stream.hand(eventAt(2), 'a', other, 'b');

    expect(stream.sent.map((text) => text.split('@')[0])).toEqual([
      '1',
      'a',
      '1',
      'b',
    ]);
    expect(stream.output.cursor).toBe(at(2));
  });

  it('has no id when the event is ephemeral', () => {
    const stream = openHub();
    const event = ephemeral();
    stream.hand(event, event);
    stream.hand(event, 'text');
    stream.hand(event);

    expect(stream.sent).toEqual(['now', 'text']);
    expect(stream.output.cursor).toBe(at(0));
    expect(stream.checkpoint(5)).toBe(true);
  });
});

describe('an id never goes backwards', () => {
  it('when an event comes after a newer one: it has none, and a warning is given', () => {
    const stream = openHub();
    const late = eventAt(1);
    stream.hand(late);
    stream.hand(eventAt(2), eventAt(2));
    stream.output.next(late);

    expect(stream.sent).toEqual(['2@2', '1']);
    expect(stream.output.cursor).toBe(at(2));
    expect(stream.warnings).toEqual(['id-backwards']);
  });

  it('when the event is of another history', () => {
    const stream = openHub();
    const old = eventAt(1);
    stream.hand(old);
    stream.output.startAt(cursorAt('f', 0));
    stream.output.next(old);
    stream.output.next(
      new HubEvent({
        id: cursorAt('g', 9),
        topic: 'movies',
        type: 'message',
        text: '9',
        time: 0,
      }),
    );

    expect(stream.sent).toEqual(['1', '9']);
    expect(stream.output.cursor).toBe(cursorAt('f', 0));
  });

  it('when the client’s cursor is ahead of what is handed on', () => {
    const stream = open(at(5));
    stream.hand(eventAt(4), eventAt(4));
    stream.hand(eventAt(6), eventAt(6));

    expect(stream.sent).toEqual(['4', '6@6']);
  });
});

describe('ids that an app gives', () => {
  it('are left out on a hub stream, with a warning', () => {
    const stream = openHub();
    stream.output.next({ id: '1', data: 'tick' });
    stream.hand(eventAt(1), { id: 'movie-7', data: 'a' });

    expect(stream.sent).toEqual(['tick', 'a']);
    expect(stream.warnings).toEqual(['id-foreign', 'id-foreign']);
    expect(stream.output.cursor).toBe(at(0));
  });

  it('pass through where there is no hub stream', () => {
    const stream = open();
    stream.output.next({ id: '7', data: 'a' });
    stream.output.next({ id: '3', data: 'b' });
    stream.output.next('c');

    expect(stream.sent).toEqual(['a@7', 'b@3', 'c']);
    expect(stream.warnings).toEqual([]);
    expect(stream.output.cursor).toBeUndefined();
  });

  it('are no way for hub events without a hub stream, which are refused', () => {
    const stream = open();

    expect(() => stream.output.next(eventAt(1, 'message', true))).toThrow(
      SseRouteException,
    );
    expect(stream.frames).toEqual([]);
    stream.output.next(eventAt(1));
    expect(stream.sent).toEqual(['1@1']);
  });

  it('are no way for events that are for somebody else, which are refused', () => {
    const stream = open(at(0), { listener: { userId: '1' }, reached: at(9) });
    const audience = (id: string) =>
      new HubEvent({ ...parts, audience: { users: [id] } });

    stream.output.next(audience('1'));
    expect(() => stream.output.next(audience('2'))).toThrow(SseRouteException);
    expect(stream.sent).toEqual(['now']);
  });

  it('do not move the cursor past what the hub stream has handed on', () => {
    const stream = open(at(0), { listener: {}, reached: at(3) });
    stream.output.next(eventAt(4));
    stream.output.next({ id: at(5), data: 'own' });
    stream.output.next(eventAt(3));

    expect(stream.sent).toEqual(['4', 'own', '3@3']);
  });
});

describe('an event of which nothing was emitted', () => {
  it('stops checkpoints, because it may only be delayed', () => {
    const stream = openHub();
    stream.hand(eventAt(1));

    expect(stream.checkpoint(1)).toBe(false);
    expect(stream.checkpoint(9)).toBe(false);
    expect(stream.sent).toEqual([]);
  });

  it('stops them until a later frame leaves', () => {
    const stream = openHub();
    stream.hand(eventAt(1));
    stream.hand(eventAt(2), eventAt(2));

    expect(stream.checkpoint(3)).toBe(true);
    expect(stream.sent).toEqual(['2@2', 'checkpoint@3']);
  });

  it('carries its id when it comes later, and stops checkpoints until the last has come', () => {
    const stream = openHub();
    const [first, second] = [eventAt(1), eventAt(2)];
    stream.hand(first);
    stream.hand(second);
    stream.output.next(first);
    expect(stream.checkpoint(9)).toBe(false);
    stream.output.next(second);

    expect(stream.checkpoint(9)).toBe(true);
    expect(stream.sent).toEqual(['1@1', '2@2', 'checkpoint@9']);
  });

  it('is still missing when something without an id is sent', () => {
    const stream = openHub();
    stream.hand(eventAt(1));
    stream.output.next('from a timer');

    expect(stream.sent).toEqual(['from a timer']);
    expect(stream.checkpoint(1)).toBe(false);
  });

  it('is forgotten when the stream starts over', () => {
    const stream = openHub();
    stream.hand(eventAt(1));
    stream.output.startAt(at(4));

    expect(stream.checkpoint(5)).toBe(true);
    expect(stream.output.failedAt()).toBeUndefined();
  });
});

describe('a checkpoint', () => {
  it('moves the cursor forward, and is not repeated', () => {
    const stream = openHub();

    expect(stream.checkpoint(3)).toBe(true);
    expect(stream.checkpoint(3)).toBe(false);
    expect(stream.checkpoint(2)).toBe(false);
    expect(stream.sent).toEqual(['checkpoint@3']);
    expect(stream.output.cursor).toBe(at(3));
  });

  it('is not sent where there is no hub stream', () => {
    const stream = open();

    expect(stream.checkpoint(3)).toBe(false);
    expect(stream.frames).toEqual([]);
  });
});

describe('after a failure a client continues', () => {
  it('behind the event in work', () => {
    const stream = openHub();
    stream.hand(eventAt(1), eventAt(1));
    stream.output.beforeEvent(eventAt(2));

    expect(stream.output.failedAt()).toBe(at(2));
  });

  it('behind the event in work, also when others were swallowed before', () => {
    const stream = openHub();
    stream.hand(eventAt(1));
    stream.output.beforeEvent(eventAt(2));

    expect(stream.output.failedAt()).toBe(at(2));
  });

  it('behind the event in work, and is told if others may still be in work', () => {
    const stream = openHub();
    stream.hand(eventAt(1));
    expect(stream.output.leavesOut(at(1))).toBe(false);
    stream.output.beforeEvent(eventAt(2));
    expect(stream.output.leavesOut(at(2))).toBe(true);
    stream.output.next(eventAt(1));
    expect(stream.output.leavesOut(at(2))).toBe(false);
  });

  it('behind the event in work after what it had emitted, sent without its id', () => {
    const stream = openHub();
    stream.output.beforeEvent(eventAt(1));
    stream.output.next('half');

    expect(stream.output.failedAt()).toBe(at(1));
    expect(stream.sent).toEqual(['half']);
  });

  it('behind the event in work, also when what it had emitted cannot be sent', () => {
    const stream = openHub();
    stream.output.beforeEvent(eventAt(1));
    stream.output.next({ n: 5n });

    expect(stream.output.failedAt()).toBe(at(1));
    expect(stream.sent).toEqual([]);
  });

  it('behind an event whose frame cannot be made', () => {
    const stream = openHub();

    expect(() => stream.hand(eventAt(1), { n: 5n })).toThrow(
      UnserializableDataException,
    );
    expect(stream.output.failedAt()).toBe(at(1));
    expect(stream.sent).toEqual([]);
  });

  it('behind an event of whose several frames one cannot be made', () => {
    const stream = openHub();

    expect(() =>
      stream.hand(eventAt(1), { type: 'a\nb', data: 1 }, 'fine'),
    ).toThrow(InvalidFrameException);
    expect(stream.output.failedAt()).toBe(at(1));
  });

  it('behind the oldest event of which nothing was sent', () => {
    const stream = openHub();
    stream.hand(eventAt(1));
    stream.hand(eventAt(2));

    expect(stream.output.failedAt()).toBe(at(1));
  });

  it('behind the next one when the oldest has come after all', () => {
    const stream = openHub();
    const [first, second] = [eventAt(1), eventAt(2)];
    stream.hand(first);
    stream.hand(second);
    stream.output.next(first);

    expect(stream.output.failedAt()).toBe(at(2));
  });

  it('where it is when the oldest is one of those that are too many to remember', () => {
    const stream = open(at(0), undefined, 2);
    const events = [1, 2, 3, 4].map((position) => eventAt(position));
    events.forEach((event) => stream.hand(event));
    events.slice(0, 2).forEach((event) => stream.output.next(event));
    stream.hand(eventAt(5));

    expect(stream.output.failedAt()).toBeUndefined();
    expect(stream.output.resumeAt(at(5))).toBe(at(2));
    stream.output.startAt(at(2));
    stream.hand(events[2]!);
    expect(stream.output.failedAt()).toBe(at(3));
  });

  it('where it is when nothing is in work or missing', () => {
    const stream = openHub();
    stream.hand(eventAt(1), eventAt(1));

    expect(stream.output.failedAt()).toBeUndefined();
    expect(open().output.failedAt()).toBeUndefined();
  });

  it('where it is when the event in work is ephemeral', () => {
    const stream = openHub();
    stream.output.beforeEvent(ephemeral());

    expect(stream.output.failedAt()).toBeUndefined();
  });
});

describe('after a failure another stream of the connection', () => {
  it('begins where the last one was, when nothing is withheld', () => {
    const stream = openHub();
    stream.output.beforeEvent(eventAt(2));

    expect(stream.output.resumeAt(at(2))).toBe(at(2));
    expect(stream.output.skipped).toBeUndefined();
  });

  it('begins at the client’s cursor and skips the event in work, when older ones are withheld', () => {
    const stream = openHub();
    stream.hand(eventAt(1), eventAt(1));
    stream.hand(eventAt(2));
    stream.output.beforeEvent(eventAt(3));

    expect(stream.output.resumeAt(at(3))).toBe(at(1));
    expect([...stream.output.skipped!]).toEqual([at(3)]);
    stream.output.afterEvent();
    stream.output.startAt(at(1));
    expect(stream.checkpoint(2)).toBe(true);
  });

  it('skips no event that the client is past, nor one without an id', () => {
    const stream = openHub();
    stream.hand(eventAt(1));
    stream.output.beforeEvent(eventAt(2));
    stream.output.resumeAt(at(2));
    stream.hand(eventAt(3), eventAt(3));
    stream.hand(eventAt(4));
    stream.output.beforeEvent(ephemeral());

    expect(stream.output.resumeAt(at(4))).toBe(at(3));
    expect([...stream.output.skipped!]).toEqual([]);
  });

  it('begins where the last one was, when it has begun at the cursor too often', () => {
    const stream = openHub();
    stream.hand(eventAt(1));
    for (let position = 2; position <= 257; position++) {
      stream.output.beforeEvent(eventAt(position));
      expect(stream.output.resumeAt(at(position))).toBe(at(0));
    }
    stream.output.beforeEvent(eventAt(258));
    expect(stream.output.resumeAt(at(258))).toBeUndefined();
  });
});

describe('whatever a handler does in order', () => {
  type Step = 'pass' | 'map' | 'twice' | 'delay' | 'late' | 'check';

  /** So few that the steps go beyond them. */
  const MOST = 2;

  it('ids grow, checkpoints wait for what is missing, and failures move past one event', () => {
    const work: Step[] = ['delay', 'delay', 'delay', 'late', 'late', 'late'];
    const steps = fc.array(
      fc.constantFrom<Step>('pass', 'map', 'twice', 'check', ...work),
      { maxLength: 40, size: 'max' },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const stream = open(at(0), undefined, MOST);
        let position = 0;
        let delayed: HubEvent[] = [];
        let overflows = false;
        for (const step of all) {
          const cursor = stream.output.cursor!;
          const isMissing = delayed.some(({ id }) => id! > cursor);
          if (step === 'check') {
            expect(stream.checkpoint(position)).toBe(
              !isMissing && at(position) > cursor,
            );
          } else if (step === 'late') {
            const event = delayed.shift();
            if (event !== undefined) {
              stream.output.next(event);
            }
          } else {
            const event = eventAt(++position);
            const copy = event.with({ data: 'mapped' });
            const values = {
              pass: [event],
              map: [copy],
              twice: ['half', copy],
              delay: [],
            };
            stream.hand(event, ...values[step]);
            delayed = step === 'delay' ? [...delayed, event] : delayed;
          }
          const now = stream.output.cursor!;
          const missing = delayed.map(({ id }) => id!).filter((id) => id > now);
          overflows =
            missing.length > 0 && (overflows || missing.length > MOST);
          const failedAt = stream.output.failedAt();
          const resumesAt = stream.output.resumeAt(at(position));
          expect(now >= cursor).toBe(true);
          if (missing.length === 0) {
            expect(failedAt).toBeUndefined();
            expect(resumesAt).toBe(at(position));
          } else if (failedAt === undefined) {
            // It is handed on once more, and is known then.
            expect(overflows).toBe(true);
            expect(resumesAt).toBe(now);
          } else {
            // Not a later one: those before it would be lost.
            expect(failedAt).toBe(missing[0]);
            expect(resumesAt).toBe(missing[0]);
          }
        }
        const ids = stream.sent.flatMap((text) => text.split('@')[1] ?? []);
        const positions = ids.map((id) => parseInt(id, 36));
        expect(positions).toEqual(
          [...new Set(positions)].sort((a, b) => a - b),
        );
      }),
      { numRuns: 500 },
    );
  });
});

describe('what is emitted before the hub stream has started', () => {
  it('has no id, which would become the client’s cursor', () => {
    const { output, frames, warnings } = open(undefined, {
      listener: {},
      reached: '',
      carriesStream: true,
    });
    output.next({ id: at(7), data: 1 });
    output.next({ id: 'own', data: 2 });
    output.next(eventAt(3));
    expect(frames.map(show)).toEqual(['1', '2', '3']);
    expect(warnings).toEqual(['id-foreign']);
    expect(output.checkpoint(at(9), checkpointFrame)).toBe(false);
  });

  it('is passed on as it is on a connection that carries none', () => {
    const { output, frames } = open(undefined, {
      listener: {},
      reached: undefined,
      carriesStream: false,
    });
    output.next({ id: at(7), data: 1 });
    output.next(eventAt(3));
    expect(frames.map(show)).toEqual(['1@7', '3@3']);
  });
});
