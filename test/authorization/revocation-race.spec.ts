import { Controller, Injectable, Query, UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { concatMap } from 'rxjs';
import {
  Connection,
  EventHub,
  MemoryLog,
  Sse,
  SseConnection,
} from 'nestjs-sse-hub';
import type { LogEntry, LogRecord } from 'nestjs-sse-hub';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { seededRandom } from '../support/random.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';
import type { RunningApp } from '../support/running-app.js';
import { readResponse } from '../support/wire.js';
import { WireClient, destroyWireClients } from '../support/wire-client.js';

/** `REVOCATION_SEED=… REVOCATION_ROUNDS=… npm run jest -- test/authorization/revocation-race` */
const SEED = Number(process.env.REVOCATION_SEED ?? Date.now() % 2 ** 31);
const ROUNDS = Number(process.env.REVOCATION_ROUNDS ?? 500);

/** In every so many rounds some clients read nothing while megabytes are sent to them. */
const SLOW_EVERY = 12;

/** More than the system's buffers take of a client that does not read. */
const BULK = { events: 160, size: 64 * 1024 } as const;

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await nextTurn();
  }
}

/** It has let the request through, which opens so many turns later. */
@Injectable()
class PassedGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { query } = context
      .switchToHttp()
      .getRequest<{ query: { turns: string } }>();
    await turns(Number(query.turns));
    return true;
  }
}

@UseGuards(HeaderUserGuard)
@Controller()
class NumbersController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection) {
    return this.#numbers(connection);
  }

  @Sse('pattern')
  pattern(@Connection() connection: SseConnection) {
    return this.hub.stream({ patterns: ['numbers.*'], for: connection });
  }

  @Sse('delayed')
  delayed(@Connection() connection: SseConnection) {
    return this.#numbers(connection).pipe(concatMap(async (event) => event));
  }

  @UseGuards(PassedGuard)
  @Sse('guarded')
  guarded(@Connection() connection: SseConnection) {
    return this.#numbers(connection);
  }

  @Sse('handled')
  async handled(
    @Query('turns') count: string,
    @Connection() connection: SseConnection,
  ) {
    await turns(Number(count));
    return this.#numbers(connection);
  }

  @Sse('all')
  all(@Connection() connection: SseConnection) {
    return this.hub.stream({
      topics: ['numbers.all', 'bulk'],
      for: connection,
    });
  }

  #numbers(connection: SseConnection) {
    return this.hub.stream({ topics: ['numbers.all'], for: connection });
  }
}

interface Logged {
  readonly n: number;
  readonly cursor: string;
  readonly isBulk: boolean;
}

/** Keeps which place in the log every number and every revocation has. */
class RecordingLog extends MemoryLog {
  /** In the log's order. */
  readonly events: Logged[] = [];
  readonly byNumber = new Map<number, Logged>();
  readonly revocations: LogEntry[] = [];

  after(cursor: string): Logged[] {
    const at = this.events.findLastIndex((event) => event.cursor <= cursor);
    return this.events.slice(at + 1);
  }

  override async append(
    records: readonly LogRecord[],
  ): Promise<readonly LogEntry[]> {
    const entries = await super.append(records);
    for (const entry of entries) {
      if (entry.type === 'hub.disconnect') {
        this.revocations.push(entry);
      } else {
        const { n } = JSON.parse(entry.data) as { n: number };
        const { cursor } = entry;
        const logged = { n, cursor, isBulk: entry.topic === 'bulk' };
        this.events.push(logged);
        this.byNumber.set(n, logged);
      }
    }
    return entries;
  }
}

/** Publishes numbers as fast as the log takes them. */
class Publishers {
  #published = 0;
  #stopped = false;
  readonly #running: Promise<unknown>;

  constructor(private readonly hub: EventHub) {
    this.#running = Promise.all([this.#run(), this.#run()]);
  }

  async publish(topic = 'numbers.all', text = ''): Promise<number> {
    const n = ++this.#published;
    await this.hub.publish(topic, { data: { n, text } });
    return n;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await Promise.all(Array.from({ length: 8 }, () => this.publish()));
    }
  }
}

interface RaceClient {
  readonly kind: string;
  readonly wire: WireClient;
  readonly sees: 'numbers' | 'all';
}

const KINDS = ['live', 'pattern', 'resume', 'delayed', 'guarded', 'handled'];

/** What a client got, as it stands in its bytes. */
function read({ wire }: RaceClient) {
  const { bytes } = wire;
  if (bytes.length === 0) {
    return { text: '', complete: false, rest: 0 };
  }
  const { body, complete, rest } = readResponse(bytes);
  return { text: body, complete, rest: rest.length };
}

const numbersIn = (text: string): number[] =>
  [...text.matchAll(/^data: {"n":(\d+)/gm)].map(([, n]) => Number(n));

describe.each(platforms)(
  'The race of revocations (%s)',
  (platform, adapter) => {
    const log = new RecordingLog({ maxEvents: 200_000, maxBytes: 2 ** 28 });
    const random = seededRandom(SEED);
    const upTo = (n: number): number => Math.floor(random() * n);
    const oneOf = <T>(list: readonly T[]): T => list[upTo(list.length)]!;
    let app: RunningApp;
    let publishers: Publishers;
    /** Requests that the server has got, by user. */
    const arrived = new Map<string, number>();

    beforeAll(async () => {
      process.stdout.write(`revocation race on ${platform}: seed ${SEED}\n`);
      app = await startApp(adapter, {
        controllers: [NumbersController],
        // Small, so that many clients are served from the log's pages.
        options: { log, window: { events: 512 } },
      });
      app.app.getHttpServer().on('request', ({ headers }: IncomingMessage) => {
        const user = headers['x-user'] as string;
        arrived.set(user, (arrived.get(user) ?? 0) + 1);
      });
      publishers = new Publishers(app.hub);
      await turns(200);
    });

    afterAll(async () => {
      await publishers.stop();
      destroyWireClients();
      await closeApps();
    });

    /** Connects a client of a kind; one that is live has got its head. */
    async function connect(kind: string, user: string): Promise<RaceClient> {
      const { events } = log;
      const cursor = events.at(
        -1 - upTo(Math.min(2_000, events.length)),
      )!.cursor;
      const path = {
        live: '/events',
        pattern: '/pattern',
        resume: `/events?lastEventId=${cursor}`,
        delayed: `/delayed?lastEventId=${cursor}`,
        guarded: `/guarded?turns=${upTo(40)}&lastEventId=${cursor}`,
        handled: `/handled?turns=${upTo(40)}&lastEventId=${cursor}`,
        slow: '/all',
      }[kind]!;
      const wire = await WireClient.get(app.port, path, { 'x-user': user });
      if (['live', 'pattern', 'slow'].includes(kind)) {
        await wire.until(() => wire.received > 0);
      }
      if (kind === 'slow') {
        wire.socket.pause();
      }
      return { kind, wire, sees: kind === 'slow' ? 'all' : 'numbers' };
    }

    const connectAll = (kinds: readonly string[], user: string) =>
      Promise.all(kinds.map((kind) => connect(kind, user)));

    /** The events that a client had to get behind where it started, in order. */
    function owed({ sees }: RaceClient, text: string): Logged[] {
      const start = /^id: (.*)$/m.exec(text)![1]!;
      return log.after(start).filter(({ isBulk }) => !isBulk || sees === 'all');
    }

    async function round(number: number): Promise<void> {
      const victim = `v${number}`;
      const bystander = `b${number}`;
      const isSlow = number % SLOW_EVERY === 0;
      const extra = isSlow ? ['slow'] : [];
      const ofVictim = [
        oneOf(KINDS),
        oneOf(KINDS),
        oneOf(KINDS),
        oneOf(KINDS),
        ...extra,
      ];
      const ofBystander = [oneOf(KINDS), oneOf(KINDS), ...extra];
      const [meant, others] = await Promise.all([
        connectAll(ofVictim, victim),
        connectAll(ofBystander, bystander),
      ]);
      while ((arrived.get(victim) ?? 0) < ofVictim.length) {
        await nextTurn();
      }
      if (isSlow) {
        const text = 'x'.repeat(BULK.size);
        await Promise.all(
          Array.from({ length: BULK.events }, () =>
            publishers.publish('bulk', text),
          ),
        );
      }
      await turns(upTo(30));

      // Of one turn, so they stand next to each other in the log and leave in no turn between.
      const unsent = publishers.publish();
      const criteria = oneOf([
        { user: victim },
        { user: victim },
        { user: victim, topic: 'numbers.all' },
      ]);
      await app.hub.disconnect(criteria);
      const revocation = log.revocations.at(-1)!;
      await app.hub.publish('numbers.all', {
        data: { late: number },
        ephemeral: true,
      });
      const last = await publishers.publish();
      await Promise.all(
        others.map(({ wire }) => {
          wire.socket.resume();
          return wire.until(() => numbersIn(wire.tail).some((n) => n >= last));
        }),
      );
      await Promise.all(
        meant.map(({ wire }) => {
          wire.socket.resume();
          return wire.until(
            () =>
              wire.closed ||
              wire.tail.endsWith('0\r\n\r\n') ||
              // It goes on, which fails below.
              numbersIn(wire.tail).some((n) => n >= last),
          );
        }),
      );
      // Whatever were to leave late would be on its way by now.
      await turns(5);

      for (const client of meant) {
        const { text, complete, rest } = read(client);
        const numbers = numbersIn(text);
        const ids = [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id!);
        const later = [
          ...numbers.filter(
            (n) => log.byNumber.get(n)!.cursor > revocation.cursor,
          ),
          ...ids.filter((id) => id > revocation.cursor),
        ];
        const { kind } = client;
        expect({ round: number, kind, later }).toEqual({
          round: number,
          kind,
          later: [],
        });
        expect([number, kind, text.includes('"late"')]).toEqual([
          number,
          kind,
          false,
        ]);
        if (!isSlow) {
          expect([number, kind, numbers.includes(await unsent)]).toEqual([
            number,
            kind,
            false,
          ]);
        }
        // What the system had not taken of it is not to come after all.
        expect([number, kind, complete]).toEqual([
          number,
          kind,
          kind === 'slow' ? false : complete,
        ]);
        if (complete) {
          const closed = 'event: hub.closed\ndata: {"reason":"revoked"}\n\n';
          expect([number, kind, text.indexOf(closed), rest]).toEqual([
            number,
            kind,
            text.length - closed.length,
            0,
          ]);
        } else {
          expect([number, kind, text.includes('hub.closed')]).toEqual([
            number,
            kind,
            false,
          ]);
        }
      }
      for (const client of others) {
        const { text } = read(client);
        const got = numbersIn(text.slice(0, text.lastIndexOf('\n\n') + 2));
        const expected = owed(client, text).slice(0, got.length);
        const wrong = got.findIndex((n, i) => n !== expected[i]?.n);
        expect([number, client.kind, wrong, got.at(-1)! >= last]).toEqual([
          number,
          client.kind,
          -1,
          true,
        ]);
      }
      destroyWireClients();
    }

    it(`lets nothing out that is later in the log, in ${Math.ceil(ROUNDS / 2)} rounds`, async () => {
      for (let number = 1; number <= Math.ceil(ROUNDS / 2); number++) {
        try {
          await round(number);
        } catch (error) {
          (error as Error).message =
            `REVOCATION_SEED=${SEED}: ${(error as Error).message}`;
          throw error;
        }
      }
    }, 180_000);
  },
);
