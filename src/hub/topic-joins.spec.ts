import { setImmediate as nextTurn } from 'node:timers/promises';
import { MemoryLog } from '../log/memory/memory-log.js';
import type { Cursor } from '../log/cursor.js';
import { Dispatcher } from './dispatcher.js';
import type { HubEvent } from './hub-event.js';
import {
  StreamEndedException,
  TooManyTopicsException,
} from './hub.exceptions.js';
import { Selection } from './selection.js';
import type { StreamAuthorizer } from './stream-authorizer.js';
import type { StreamConnection } from './stream-connection.js';
import { TopicJoins } from './topic-joins.js';
import type { JoinedStream } from './topic-joins.js';

const dispatchers: Dispatcher[] = [];

afterEach(async () => {
  await Promise.all(dispatchers.splice(0).map((one) => one.stop()));
});

/** What is done to a stream, in order. */
class RecordedStream implements JoinedStream {
  readonly done: string[] = [];
  selection = new Selection('hub.stream', { topics: ['lobby'] }, {});
  mayJoin = true;
  generation = 0;
  /** What the handler does with an event of the past. */
  onEvent: (event: HubEvent) => void = () => undefined;

  constructor(public reached: Cursor) {}

  add(topic: string): void {
    this.done.push(`add ${topic}`);
    this.selection = this.selection.withTopics([
      ...this.selection.topics,
      topic,
    ]);
  }

  hold(): void {
    this.done.push('hold');
  }

  release(): void {
    this.done.push('release');
  }

  emitBehind(event: HubEvent): void {
    expect(event.id).toBeUndefined();
    this.done.push(`${event.topic} ${event.data}`);
    this.onEvent(event);
  }
}

/** A connection that is slow when a test says so. */
class SlowConnection {
  congested = false;
  #waiting: (() => void) | undefined;

  whenWritable(callback: () => void): void {
    this.#waiting = callback;
  }

  becomeWritable(): void {
    this.congested = false;
    this.#waiting!();
  }
}

const PAST = ['rooms.1', 'rooms.2', 'rooms.1', 'rooms.1'];

/** A stream at the head of a log with such events. */
async function joining(
  authorize: StreamAuthorizer['authorize'] = () => undefined,
  { maxTopics = 10, past = PAST } = {},
) {
  const log = new MemoryLog({ maxAge: Number.MAX_SAFE_INTEGER });
  const records = past.map((topic, n) => ({
    topic,
    type: 'message',
    data: `${n}`,
    time: 0,
  }));
  await log.open();
  const entries = await log.append(records);
  const dispatcher = new Dispatcher(log, { events: 10_000 });
  dispatchers.push(dispatcher);
  await dispatcher.start();
  const stream = new RecordedStream(dispatcher.position);
  const connection = new SlowConnection();
  const asked: string[] = [];
  const joins = new TopicJoins(stream, {
    dispatcher,
    connection: connection as unknown as StreamConnection,
    authorizer: {
      authorize: (connection, selection) => {
        asked.push(...selection.topics);
        return authorize(connection, selection);
      },
    },
    maxTopics,
  });
  return { stream, connection, joins, asked, log, entries, done: stream.done };
}

const REWOUND = ['hold', 'rooms.1 0', 'rooms.1 2', 'rooms.1 3'];

describe('a topic joins', () => {
  it('in a turn of its own, for it may be asked for in the midst of an event', async () => {
    const { joins, done } = await joining();
    const joined = joins.join('rooms.1', undefined);

    expect(done).toEqual([]);
    await joined;
    expect(done).toEqual(['add rooms.1']);
  });

  it('behind what it has had, while the stream waits', async () => {
    const { joins, done } = await joining();
    await joins.join('rooms.1', 'all');

    expect(done).toEqual([...REWOUND, 'add rooms.1', 'release']);
  });

  it('one that is rewound after the other', async () => {
    const { joins, done } = await joining();
    await Promise.all([
      joins.join('rooms.1', 1),
      joins.join('rooms.2', 1),
      joins.join('rooms.1', 'all'),
    ]);

    expect(done).toEqual([
      'hold',
      'rooms.1 3',
      'add rooms.1',
      'release',
      'hold',
      'rooms.2 1',
      'add rooms.2',
      'release',
    ]);
  });

  it('from no further than where the stream is', async () => {
    const { joins, stream, entries, done } = await joining();
    stream.reached = entries[2]!.cursor;
    await joins.join('rooms.1', 'all');

    expect(done).toEqual([...REWOUND.slice(0, 3), 'add rooms.1', 'release']);
  });

  it('when this node has met what the stream has', async () => {
    const { joins, stream, log, done } = await joining();
    const { head } = await log.bounds();
    const next = head.slice(0, -1) + String(Number(head.at(-1)) + 1);
    stream.reached = next;
    await joins.join('rooms.2', undefined);
    const joined = joins.join('rooms.1', 'all');
    const data = '4';
    await log.append([{ topic: 'rooms.1', type: 'message', data, time: 0 }]);
    await joined;

    expect(done).toEqual([
      'add rooms.2',
      ...REWOUND,
      'rooms.1 4',
      'add rooms.1',
      'release',
    ]);
  });
});

describe('a topic is rewound', () => {
  const past = Array<string>(600).fill('rooms.1');

  it('as fast as the client takes it', async () => {
    const { joins, connection, done } = await joining(undefined, { past });
    connection.congested = true;
    const joined = joins.join('rooms.1', 'all');
    for (let turns = 0; turns < 20; turns++) {
      await nextTurn();
    }
    expect(done.length).toBeLessThan(300);
    expect(done.length).toBeGreaterThan(1);
    connection.becomeWritable();
    await joined;

    expect(done.length).toBe(past.length + 3);
  });

  it('no further when the history behind the stream has changed', async () => {
    const { joins, stream, done } = await joining(undefined, { past });
    const { reached } = stream;
    stream.onEvent = () => (stream.reached = reached.replace(/^./, 'A'));
    await joins.join('rooms.1', 'all');

    expect(done.length).toBeLessThan(300);
    expect(done.slice(-2)).toEqual(['add rooms.1', 'release']);
  });
});

describe('the answer of the policies counts', () => {
  it('until it is asked whether the stream may go on', async () => {
    let may!: () => void;
    const { joins, stream, asked, done } = await joining(
      () => new Promise((resolve) => (may = resolve)),
    );
    const joined = joins.join('rooms.1', undefined);
    await Promise.resolve();
    stream.mayJoin = false;
    stream.generation++;
    may();
    await nextTurn();
    expect(done).toEqual([]);
    stream.mayJoin = true;
    joins.proceed();
    await nextTurn();

    expect(asked).toEqual(['rooms.1', 'rooms.1']);
    expect(done).toEqual([]);
    may();
    await joined;
    expect(done).toEqual(['add rooms.1']);
  });

  it('not for a topic whose last rewound event was handed on to another user', async () => {
    const refused = new Error('not for this user');
    const { joins, stream, asked, done } = await joining(() => {
      if (stream.generation > 0) {
        throw refused;
      }
    });
    stream.onEvent = ({ data }) => {
      stream.generation += data === 3 ? 1 : 0;
    };
    await expect(joins.join('rooms.1', 'all')).rejects.toBe(refused);

    expect(asked).toEqual(['rooms.1', 'rooms.1']);
    expect(done).toEqual([...REWOUND, 'release']);
  });

  it('and nothing is handed on in between', async () => {
    const { joins, stream, done } = await joining();
    stream.onEvent = ({ data }) => {
      if (data === 0) {
        stream.mayJoin = false;
        stream.generation++;
      }
    };
    const joined = joins.join('rooms.1', 'all');
    await nextTurn();
    await nextTurn();
    expect(done).toEqual(REWOUND.slice(0, 2));
    stream.mayJoin = true;
    joins.proceed();
    await joined;

    expect(done).toEqual([...REWOUND, 'add rooms.1', 'release']);
  });
});

describe('a topic that is left meanwhile', () => {
  it('does not join, and is not asked about any more', async () => {
    const { joins, asked, done } = await joining();
    const joined = joins.join('rooms.1', 'all');
    expect(joins.covers('rooms.1')).toBe(true);
    joins.leave('rooms.1');
    expect(joins.covers('rooms.1')).toBe(false);
    await joined;

    expect([asked, done]).toEqual([[], []]);
  });

  it('is rewound no further', async () => {
    const { joins, stream, done } = await joining();
    stream.onEvent = ({ data }) => data === 2 && joins.leave('rooms.1');
    await joins.join('rooms.1', 'all');

    expect(done).toEqual([...REWOUND.slice(0, 3), 'release']);
  });

  it('joins if somebody joins it again', async () => {
    const { joins, done } = await joining();
    const left = joins.join('rooms.1', undefined);
    joins.leave('rooms.1');
    await Promise.all([left, joins.join('rooms.1', undefined)]);

    expect(done).toEqual(['add rooms.1']);
  });
});

describe('a join ends', () => {
  it('when the stream does, wherever it is, and releases it', async () => {
    const { joins, stream, done } = await joining((_, { topics }) =>
      topics[0] === 'rooms.2' ? new Promise(() => undefined) : undefined,
    );
    stream.onEvent = () => {
      stream.mayJoin = false;
      joins.close();
    };
    const ended = await Promise.allSettled([
      joins.join('rooms.1', 'all'),
      joins.join('rooms.1', 2),
      joins.join('rooms.2', undefined),
    ]);
    expect(ended).toEqual(
      ended.map(() => ({
        status: 'rejected',
        reason: expect.any(StreamEndedException),
      })),
    );
    await expect(joins.join('rooms.3', undefined)).rejects.toThrow(
      StreamEndedException,
    );

    expect(done).toEqual([...REWOUND.slice(0, 2), 'release']);
    expect(joins.covers('rooms.1')).toBe(false);
  });

  it('when there are too many topics by then', async () => {
    const { joins, done } = await joining(undefined, { maxTopics: 2 });
    const both = await Promise.allSettled([
      joins.join('rooms.1', undefined),
      joins.join('rooms.2', undefined),
    ]);

    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((both[1] as PromiseRejectedResult).reason).toBeInstanceOf(
      TooManyTopicsException,
    );
    expect(done).toEqual(['add rooms.1']);
  });
});
