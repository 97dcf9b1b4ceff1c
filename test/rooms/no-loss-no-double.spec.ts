import { Controller, Query } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { tap } from 'rxjs';
import {
  Connection,
  EventHub,
  HubEvent,
  MemoryLog,
  Sse,
  SseConnection,
  StreamEndedException,
} from 'nestjs-sse-hub';
import type { LogEntry } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { seededRandom } from '../support/random.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

const ROOMS = ['rooms.1', 'rooms.2', 'rooms.3'];
const CLIENTS = 12;
/** Joins and leaves of each client. */
const MOVES = 80;
/** The same where each waits for the client. */
const AWAITED_MOVES = 20;

/** What becomes of a stream, in the order in which it did. */
type Step =
  | { readonly what: 'event'; readonly event: HubEvent }
  | { readonly what: 'joining' | 'left'; readonly room: string }
  | {
      readonly what: 'joined';
      readonly room: string;
      /** How many were on their way or in the log when it was joined. */
      readonly published: number;
    };

interface Visitor {
  readonly connection: SseConnection;
  readonly steps: Step[];
}

const visitors = new Map<string, Visitor>();

/** The rooms that an application remembers of a client, and names when it comes back. */
const members = new Map<string, Set<string>>();

@Controller()
class RoomsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection, @Query('name') name: string) {
    const steps: Step[] = [];
    visitors.set(name, { connection, steps });
    const topics = ['lobby', ...(members.get(name) ?? [])];
    return this.hub
      .stream({ topics, for: connection })
      .pipe(tap((event) => steps.push({ what: 'event', event })));
  }
}

afterEach(async () => {
  visitors.clear();
  members.clear();
  await closeSseTestClients();
  await closeApps();
});

/** What a stream got of one room while it was in it, and where the lobby was when it left. */
interface Stay {
  readonly room: string;
  readonly numbers: number[];
  /** It must have got at least this one, if there is one. */
  published: number;
  lobby: string;
  isOver: boolean;
}

function staysOf(steps: readonly Step[]): Stay[] {
  const stays: Stay[] = [];
  let lobby = '';
  const current = (room: string) =>
    stays.findLast((stay) => stay.room === room && !stay.isOver);
  for (const step of steps) {
    if (step.what === 'event') {
      const { topic, id, data } = step.event;
      if (topic === 'lobby') {
        lobby = id!;
      } else {
        const stay = current(topic);
        if (stay === undefined) {
          throw new Error(`Event ${data.n} of ${topic}, which it is not in`);
        }
        stay.numbers.push(data.n as number);
      }
      for (const stay of stays) {
        stay.lobby = stay.isOver ? stay.lobby : lobby;
      }
    } else if (step.what === 'joining') {
      const { room } = step;
      stays.push({ room, numbers: [], published: 0, lobby, isOver: false });
    } else if (step.what === 'joined') {
      current(step.room)!.published = step.published;
    } else {
      current(step.room)!.isOver = true;
    }
  }
  return stays;
}

describe.each(platforms)(
  'Invariant 2, no loss, no double, with rooms (%s)',
  (_, adapter) => {
    async function start() {
      const seed = Date.now() % 2 ** 31;
      const random = seededRandom(seed);
      const pick = <Item>(items: readonly Item[]): Item =>
        items[Math.floor(random() * items.length)]!;
      const log = new MemoryLog({ maxEvents: 1e7, maxBytes: 2 ** 31 });
      const { floor } = await log.open();
      const { hub, url } = await startApp(adapter, {
        controllers: [RoomsController],
        // Small, so that what has been is read from the log.
        options: { log, window: { events: 32 } },
      });
      const readLog = async () => {
        const all = { events: 1e7, bytes: 2 ** 31 };
        return (await log.read(floor, all)).entries;
      };
      return { seed, random, pick, hub, url, readLog };
    }

    it('holds while streams join and leave at full speed', async () => {
      const { seed, random, pick, hub, url, readLog } = await start();
      const clients = await Promise.all(
        Array.from({ length: CLIENTS }, async (__, name) => {
          const client = await SseTestClient.connect(
            `${url}/events?name=${name}`,
          );
          await client.next('hub.checkpoint');
          return { client, ...visitors.get(String(name))! };
        }),
      );

      const published: Record<string, number> = {};
      const publish = (topic: string) =>
        hub.publish(topic, {
          data: { n: (published[topic] = (published[topic] ?? 0) + 1) },
        });
      let moving = CLIENTS;
      const publishers = Array.from({ length: 3 }, async () => {
        while (moving > 0) {
          await Promise.all(
            Array.from({ length: 8 }, () => publish(pick(['lobby', ...ROOMS]))),
          );
          await nextTurn();
        }
      });
      const movers = clients.map(async ({ connection, steps }) => {
        const joined = new Set<string>();
        for (let move = 0; move < MOVES; move++) {
          const room = pick(ROOMS);
          if (joined.delete(room)) {
            steps.push({ what: 'left', room });
            connection.leave(room);
          } else {
            joined.add(room);
            steps.push({ what: 'joining', room });
            const rewind = pick([undefined, undefined, 0, 3, 100]);
            await connection.join(room, { rewind });
            steps.push({
              what: 'joined',
              room,
              published: published[room] ?? 0,
            });
          }
          for (let turns = random() * 5; turns > 0; turns--) {
            await nextTurn();
          }
        }
        moving--;
      });
      await Promise.all([...publishers, ...movers]);
      for (const topic of [...ROOMS, 'lobby']) {
        await publish(topic);
      }
      const entries = await readLog();
      const of = (topic: string) => entries.filter((e) => e.topic === topic);
      const lobby = of('lobby').map(({ cursor }) => cursor);
      await Promise.all(
        clients.map(({ client }) =>
          client.until(() => client.lastEventId === lobby.at(-1)),
        ),
      );

      for (const [name, { client, steps }] of clients.entries()) {
        const message = `seed ${seed}, client ${name}`;
        const events = steps.flatMap((step) =>
          step.what === 'event' ? [step.event] : [],
        );
        // The wire has what the stream had, and the cursor never went back.
        expect([message, client.data]).toEqual([
          message,
          events.map(({ data }) => data),
        ]);
        const ids = client.received.flatMap(({ id }) => (id ? [id] : []));
        expect([message, ids]).toEqual([message, ids.toSorted()]);
        // The topic that stayed has lost and doubled nothing.
        expect([
          message,
          events.flatMap(({ topic, id }) => (topic === 'lobby' ? [id] : [])),
        ]).toEqual([message, lobby]);
        for (const stay of staysOf(steps)) {
          checkStay(`${message}, ${JSON.stringify(stay)}`, stay, of(stay.room));
        }
      }
      expect(entries.length).toBeGreaterThan(1_000);
    });

    it('holds while they drop and come back to the rooms that they are in', async () => {
      const { seed, random, pick, hub, url, readLog } = await start();
      let moving = CLIENTS;
      const publishers = Array.from({ length: 3 }, async () => {
        while (moving > 0) {
          await Promise.all(
            Array.from({ length: 8 }, () =>
              hub.publish(pick(['lobby', ...ROOMS]), { data: {} }),
            ),
          );
          await nextTurn();
        }
      });
      /** Between its places in the log everything of the room is due. */
      interface Due {
        readonly room: string;
        readonly from: string;
        to: string;
      }
      const place = async () => (await hub.publish('lobby', { data: {} })).id!;
      const movers = Array.from({ length: CLIENTS }, async (__, name) => {
        const rooms = new Set<string>();
        members.set(String(name), rooms);
        const client = await SseTestClient.connect(
          `${url}/events?name=${name}`,
        );
        const connection = () => visitors.get(String(name))!.connection;
        const dues: Due[] = [];
        const first = await place();
        for (let move = 0; move < AWAITED_MOVES; move++) {
          const room = pick(ROOMS);
          const drops = random() < 0.3;
          if (rooms.has(room)) {
            const due = dues.findLast((one) => one.room === room)!;
            due.to = await place();
            await client.until(() => client.lastEventId! >= due.to);
            rooms.delete(room);
            connection().leave(room);
          } else {
            rooms.add(room);
            const joining = connection().join(room, {
              rewind: pick([undefined, 3, 100]),
            });
            // Without a drop it must not end.
            const joined = drops ? joining.catch(ignoreEnd) : joining;
            for (let turns = drops ? random() * 3 : 0; turns > 1; turns--) {
              await nextTurn();
            }
            if (drops) {
              await client.dropConnection();
            }
            await joined;
          }
          if (drops) {
            await client.reconnect();
          }
          if (rooms.has(room)) {
            dues.push({ room, from: await place(), to: '~' });
          }
        }
        moving--;
        return { client, dues, first };
      });
      const visits = await Promise.all(movers);
      await Promise.all(publishers);
      const last = await place();
      const entries = await readLog();
      for (const [name, { client, dues, first }] of visits.entries()) {
        await client.until(() => client.lastEventId! >= last);
        const ids = client.events.flatMap(({ id }) => (id ? [id] : []));
        const message = `seed ${seed}, client ${name}`;
        expect([message, ids]).toEqual([message, [...new Set(ids)].toSorted()]);
        const got = new Set(ids);
        const lost = entries.filter(
          ({ topic, cursor }) =>
            !got.has(cursor) &&
            [...dues, { room: 'lobby', from: first, to: '~' }].some(
              ({ room, from, to }) =>
                room === topic && cursor > from && cursor < to,
            ),
        );
        expect([message, lost]).toEqual([message, []]);
        expect(dues.length).toBeGreaterThan(3);
      }
    });
  },
);

function ignoreEnd(error: unknown): void {
  if (!(error instanceof StreamEndedException)) {
    throw error;
  }
}

/** Without a hole, from no later than it was joined, to no earlier than the lobby when it left. */
function checkStay(
  message: string,
  { numbers, published, lobby, isOver }: Stay,
  entries: readonly LogEntry[],
): void {
  const [first] = numbers;
  const expected = numbers.map((__, index) => first! + index);
  expect([message, numbers]).toEqual([message, expected]);
  const due = isOver
    ? entries.filter(({ cursor }) => cursor < lobby).length
    : entries.length;
  // Numbers count from 1, so the last that is due is how many are.
  if (due > published) {
    expect([message, first! <= published + 1]).toEqual([message, true]);
    expect([message, numbers.at(-1)! >= due]).toEqual([message, true]);
  }
}
