import fc from 'fast-check';
import { Subscriber } from 'rxjs';
import { LogUnavailableException } from '../log/log.exceptions.js';
import type { LogPage, LogPageLimit } from '../log/event-log.js';
import { MemoryLog } from '../log/memory/memory-log.js';
import type { MemoryLogOptions } from '../log/memory/memory-log.js';
import { toDisconnectRecord } from './control-entry.js';
import { Dispatcher } from './dispatcher.js';
import { EventStream } from './event-stream.js';
import { HistoryRead } from './history.js';
import { StreamEndedException } from './hub.exceptions.js';
import type { HubEvent } from './hub-event.js';
import { Presence } from './presence.js';
import type { Rewind } from './rewind.js';
import { Selection } from './selection.js';
import type { Listener, SelectionOptions } from './selection.js';
import type { StreamConnection } from './stream-connection.js';

/** A log whose pages a test can hold back, and change something behind. */
class HeldLog extends MemoryLog {
  pages = 0;
  /** Called before a page is read. */
  onPage: (page: number) => unknown = () => undefined;

  override async read(after: string, limit: LogPageLimit): Promise<LogPage> {
    await this.onPage(++this.pages);
    return super.read(after, limit);
  }
}

/** As much of a connection as the hub asks for before its stream starts. */
class FakeConnection {
  readonly ends = new AbortController();
  readonly signal = this.ends.signal;
  readonly congested = false;
  readonly resumeFrom = undefined;
  started: string | undefined;
  suspended: (() => void)[] | undefined;

  constructor(public listener: Listener = {}) {}

  whenResumed(action: () => void): void {
    if (this.suspended === undefined) {
      action();
    } else {
      this.suspended.push(action);
    }
  }

  /** A refresh begins. */
  suspend(): void {
    this.suspended = [];
  }

  /** It has ended. */
  resume(listener: Listener): void {
    this.listener = listener;
    const actions = this.suspended!;
    this.suspended = undefined;
    actions.forEach((action) => action());
  }

  start(cursor: string): void {
    this.started = cursor;
  }

  readonly movedTopics = undefined;

  startLater(): void {}
  attach(): void {}
  detach(): void {}
  beforeEvent(): void {}
  afterEvent(): void {}

  get asConnection(): StreamConnection {
    return this as unknown as StreamConnection;
  }
}

interface Past {
  readonly topic?: string;
  readonly type?: string;
  readonly time?: number;
  readonly users?: readonly string[];
}

const dispatchers: Dispatcher[] = [];

afterEach(async () => {
  await Promise.all(dispatchers.splice(0).map((each) => each.stop()));
});

/** A node behind which there are these events, of which the window holds the newest. */
async function after(
  past: readonly Past[],
  { window = 100, ...retention }: MemoryLogOptions & { window?: number } = {},
) {
  const log = new HeldLog({ maxAge: Number.MAX_SAFE_INTEGER, ...retention });
  await log.open();
  await publish(log, 0, past);
  const dispatcher = new Dispatcher(log, { events: window });
  dispatchers.push(dispatcher);
  await dispatcher.start();
  log.pages = 0;
  return { dispatcher, log };
}

const publish = (log: MemoryLog, from: number, past: readonly Past[]) =>
  log.append(
    past.map(({ topic = 'chat', type = 'message', time = 0, users }, n) => ({
      topic,
      type,
      data: `${from + n}`,
      time,
      audience: users && { users },
    })),
  );

/** Waits until the node has met what was published. */
async function met(dispatcher: Dispatcher, log: MemoryLog): Promise<void> {
  const { head } = await log.bounds();
  while (dispatcher.position < head) {
    await new Promise(setImmediate);
  }
}

const many = (count: number): Past[] =>
  Array.from({ length: count }, () => ({}));

const dataOf = (events: readonly HubEvent[]) => events.map(({ data }) => data);

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

interface Asked {
  readonly rewind?: Rewind;
  readonly selection?: SelectionOptions;
  readonly connection?: FakeConnection;
  readonly patience?: number;
  readonly authorize?: () => void | Promise<void>;
}

const readerOf = (
  dispatcher: Dispatcher,
  {
    rewind = 'all',
    selection = { topics: ['chat'] },
    connection = new FakeConnection(),
    patience,
    authorize = () => undefined,
  }: Asked,
) =>
  new HistoryRead(
    dispatcher,
    { authorize },
    connection.asConnection,
    new Selection('hub.history', selection, connection.listener),
    rewind,
    patience,
  );

const read = (dispatcher: Dispatcher, asked: Asked = {}) =>
  readerOf(dispatcher, asked).run();

class Taker extends Subscriber<HubEvent> {
  constructor(private readonly take: (event: HubEvent) => void) {
    super();
  }

  protected override _next(event: HubEvent): void {
    this.take(event);
  }
}

/** What a fresh stream gets until it is live. */
async function streamed(
  dispatcher: Dispatcher,
  rewind: Rewind,
  options: SelectionOptions,
  listener: Listener,
): Promise<unknown[]> {
  const events: HubEvent[] = [];
  const stream = new EventStream(
    dispatcher,
    { authorize: () => undefined },
    new Selection('hub.stream', options, listener),
    new FakeConnection(listener).asConnection,
    new Taker((event) => void events.push(event)),
    { rewind },
    new Presence(0),
    256,
  );
  stream.open();
  while (stream.reached !== dispatcher.position) {
    await new Promise(setImmediate);
  }
  stream.close();
  return dataOf(events);
}

describe('A history is', () => {
  it('what a fresh stream of the same selection and rewind begins with', async () => {
    const pasts = fc.array(
      fc.record({
        topic: fc.constantFrom('chat', 'chat.1', 'news'),
        type: fc.constantFrom('message', 'joined'),
        time: fc.integer({ min: 0, max: 9 }),
        users: fc.option(fc.constantFrom(['ann'], ['ben']), { nil: undefined }),
      }),
      { maxLength: 40 },
    );
    const asked = fc.record({
      rewind: fc.oneof(
        fc.integer({ min: 0, max: 45 }),
        fc.constant('all' as const),
        fc
          .integer({ min: 0, max: 10 })
          .map((time) => ({ since: new Date(time) })),
      ),
      selection: fc.constantFrom<SelectionOptions>(
        { topics: ['chat'] },
        { patterns: ['**'] },
        { topics: ['news'], patterns: ['chat.*'], types: ['joined'] },
        { patterns: ['chat.**'], where: ({ data }) => data % 2 === 0 },
      ),
      listener: fc.constantFrom<Listener>({}, { userId: 'ann' }, { all: true }),
      window: fc.integer({ min: 1, max: 50 }),
      maxEvents: fc.integer({ min: 1, max: 50 }),
    });
    await fc.assert(
      fc.asyncProperty(pasts, asked, async (past, of) => {
        const { rewind, selection, listener, window, maxEvents } = of;
        const { dispatcher } = await after(past, { window, maxEvents });
        const connection = new FakeConnection(listener);
        const { events, cursor } = await read(dispatcher, {
          rewind,
          selection,
          connection,
        });
        expect(dataOf(events)).toEqual(
          await streamed(dispatcher, rewind, selection, listener),
        );
        expect(cursor).toBe(dispatcher.position);
      }),
      { numRuns: 200 },
    );
  });

  it('read up to where the node was when the read began', async () => {
    const { dispatcher, log } = await after(many(1_500), { window: 10 });
    const { position } = dispatcher;
    log.onPage = async (page) => {
      if (page === 2) {
        await publish(log, 1_500, many(50));
        await met(dispatcher, log);
      }
    };
    const { events, cursor } = await read(dispatcher);
    expect(dispatcher.position > position).toBe(true);
    expect(cursor).toBe(position);
    expect(dataOf(events)).toEqual(range(0, 1_499));
  });

  it('never more than the number asked for, whatever comes while they are counted', async () => {
    const { dispatcher, log } = await after(many(100), { window: 10 });
    const readBack = log.readBack.bind(log);
    log.readBack = async (...page) => {
      log.readBack = readBack;
      await publish(log, 100, many(5));
      await met(dispatcher, log);
      return log.readBack(...page);
    };
    const { events, cursor } = await read(dispatcher, { rewind: 20 });
    expect(dataOf(events)).toEqual(range(85, 104));
    expect(cursor).toBe(dispatcher.position);
  });

  it('without a gap: what was trimmed while it was read is not in it', async () => {
    const { dispatcher, log } = await after(many(1_500), {
      window: 10,
      maxEvents: 1_500,
    });
    log.onPage = async (page) => {
      if (page === 2) {
        await publish(log, 1_500, many(700));
      }
    };
    const { events } = await read(dispatcher);
    expect(dataOf(events)).toEqual(range(700, 1_499));
  });

  it('empty if all of it was trimmed, and its cursor is where the log begins', async () => {
    const { dispatcher, log } = await after(many(600), {
      window: 10,
      maxEvents: 600,
    });
    log.onPage = async (page) => {
      if (page === 2) {
        await publish(log, 600, many(1_000));
      }
    };
    const { events, cursor } = await read(dispatcher);
    expect(events).toEqual([]);
    expect(cursor).toBe((await log.bounds()).floor);
  });

  it('read in turns, so that a long one holds nothing up', async () => {
    const { dispatcher } = await after(many(10_000), { window: 10_000 });
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns++;
      if (!isOver) {
        setImmediate(count);
      }
    };
    setImmediate(count);
    const { events } = await read(dispatcher);
    isOver = true;
    expect(events).toHaveLength(10_000);
    expect(turns).toBeGreaterThan(10_000 / 256 - 1);
  });

  it('read from the log once for all who wait for the same', async () => {
    const { dispatcher, log } = await after(many(2_000), { window: 10 });
    const all = await Promise.all(
      Array.from({ length: 50 }, () => read(dispatcher)),
    );
    expect(all.every(({ events }) => events.length === 2_000)).toBe(true);
    expect(log.pages).toBeLessThan(10);
  });

  it('no events of which `where` cannot say whether they belong to it', async () => {
    const { dispatcher } = await after(many(3));
    const where = () => {
      throw new Error('where');
    };
    const selection = { topics: ['chat'], where };
    await expect(read(dispatcher, { selection })).rejects.toThrow('where');
  });
});

describe('A history is not read', () => {
  it('before it is allowed', async () => {
    const { dispatcher, log } = await after(many(100), { window: 1 });
    const authorize = () => Promise.reject(new Error('forbidden'));
    await expect(read(dispatcher, { authorize })).rejects.toThrow('forbidden');
    expect(log.pages).toBe(0);
  });

  it('any further when its connection has ended', async () => {
    const { dispatcher, log } = await after(many(2_000), { window: 1 });
    const connection = new FakeConnection();
    log.onPage = () => connection.ends.abort();
    await expect(read(dispatcher, { connection })).rejects.toThrow(
      StreamEndedException,
    );
    expect(dispatcher.waiting).toBe(0);
    const second = read(dispatcher, { connection });
    await expect(second).rejects.toThrow(StreamEndedException);
    // The page that was asked for may have come; nothing was asked for after it.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(log.pages).toBe(1);
  });

  it('at all for who leaves while it is asked whether they may have it', async () => {
    const { dispatcher, log } = await after(many(100), { window: 1 });
    const connection = new FakeConnection();
    let allow!: () => void;
    const authorize = () =>
      new Promise<void>((resolve) => {
        allow = resolve;
      });
    const reading = read(dispatcher, { connection, authorize });
    await new Promise(setImmediate);
    connection.ends.abort();
    await expect(reading).rejects.toThrow(StreamEndedException);
    allow();
    await new Promise(setImmediate);
    expect(dispatcher.waiting).toBe(0);
    expect(log.pages).toBe(0);
  });

  it('for longer than it takes to see that the engine is away', async () => {
    const { dispatcher, log } = await after(many(2_000), { window: 1 });
    log.onPage = () => {
      throw new LogUnavailableException('away');
    };
    await expect(read(dispatcher)).rejects.toThrow(LogUnavailableException);
    expect(log.pages).toBe(1);
    // It is known to be away by now, and the question that finds it out again is another's.
    await expect(read(dispatcher)).rejects.toThrow(LogUnavailableException);
    expect(dispatcher.waiting).toBe(0);
  });

  it('for ever when the log has not what the node has met', async () => {
    const { dispatcher, log } = await after(many(2_000), { window: 1 });
    const { floor } = await log.bounds();
    log.read = async () => ({ entries: [], floor });
    await expect(read(dispatcher, { patience: 300 })).rejects.toThrow(
      /hub\.history got no further for 300 ms/,
    );
    expect(dispatcher.waiting).toBe(0);
  });
});

describe('A policy that answers late', () => {
  it('is asked again when a topic may have been closed meanwhile', async () => {
    const { dispatcher, log } = await after(many(3));
    let asked = 0;
    const authorize = async () => {
      if (++asked === 2) {
        throw new Error('forbidden');
      }
      const closed = {
        ...toDisconnectRecord({ topic: 'chat' }, 'revoked'),
        time: 0,
      };
      await log.append([closed]);
      await publish(log, 3, [{}]);
      await met(dispatcher, log);
    };
    await expect(read(dispatcher, { authorize })).rejects.toThrow('forbidden');
  });

  it('is asked once when nothing was closed', async () => {
    const { dispatcher, log } = await after(many(3));
    let asked = 0;
    const authorize = async () => {
      asked++;
      await publish(log, 3, [{}]);
      await met(dispatcher, log);
    };
    const { events } = await read(dispatcher, { authorize });
    expect(dataOf(events)).toEqual(range(0, 3));
    expect(asked).toBe(1);
  });
});

describe('A refresh while a history is read', () => {
  const past: Past[] = [
    ...many(1_000),
    { users: ['ann'] },
    { users: ['editor'] },
  ];

  it('decides what is in it', async () => {
    const { dispatcher, log } = await after(past, { window: 1 });
    const connection = new FakeConnection({ userId: 'ann' });
    let asked = 0;
    log.onPage = (page) => page === 2 && connection.suspend();
    const authorize = () => void asked++;
    const reading = read(dispatcher, { connection, authorize });
    while (connection.suspended?.length !== 1) {
      await new Promise(setImmediate);
    }
    connection.resume({ userId: 'editor' });
    const { events } = await reading;
    expect(dataOf(events)).toEqual([...range(0, 999), 1_001]);
    expect(asked).toBe(2);
  });

  it('is asked for before anything is read', async () => {
    const { dispatcher } = await after(past);
    const connection = new FakeConnection({ userId: 'ann' });
    connection.suspend();
    const reading = read(dispatcher, { connection });
    await new Promise(setImmediate);
    connection.resume({});
    expect(dataOf((await reading).events)).toEqual(range(0, 999));
  });
});
