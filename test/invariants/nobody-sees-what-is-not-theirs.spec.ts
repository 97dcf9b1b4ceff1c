import { Controller, UseGuards } from '@nestjs/common';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { seededRandom } from '../support/random.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

interface User {
  readonly id: string;
  readonly roles: readonly string[];
}

@UseGuards(HeaderUserGuard)
@Controller()
class EventsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('topics')
  topics(@Connection() connection: SseConnection) {
    return this.hub.stream({
      topics: ['rooms.1', 'rooms.2'],
      for: connection,
    });
  }

  @Sse('patterns')
  patterns(@Connection() connection: SseConnection) {
    return this.hub.stream({
      patterns: ['**', 'rooms.*'],
      for: connection,
    });
  }
}

const IDS = ['ann', 'bob', 'eve'];
const ROLES = ['editor', 'admin', 'reader'];

/** An event as the test published it. */
interface Published {
  readonly n: number;
  readonly users?: readonly string[];
  readonly roles?: readonly string[];
  /** By user, how often their roles had changed. */
  readonly revisions: Readonly<Record<string, number>>;
}

interface Opened {
  readonly id: string;
  readonly path: string;
  readonly client: SseTestClient;
  /** The first event behind the revocation of it. */
  until: number;
}

describe.each(platforms)(
  'Invariant 8, nobody sees what is not theirs (%s)',
  (_, adapter) => {
    afterEach(async () => {
      await closeSseTestClients();
      await closeApps();
    });

    it('while users are refreshed, disconnected and come back at random', async () => {
      const seed = Date.now() % 2 ** 31;
      const random = seededRandom(seed);
      const upTo = (n: number): number => Math.floor(random() * n);
      const some = (list: readonly string[]): string[] =>
        list.filter(() => random() < 0.4);

      /** What the application knows of each user, by revision: the roles change with it. */
      const history = new Map(IDS.map((id) => [id, [some(ROLES)]]));
      const rolesOf = (id: string): string[] => history.get(id)!.at(-1)!;
      const { hub, app } = await startApp(adapter, {
        controllers: [EventsController],
        options: {
          window: { events: 16 },
          loadUser: async (id): Promise<User> => {
            const roles = rolesOf(id);
            await Promise.resolve();
            return { id, roles };
          },
        },
      });
      const published: Published[] = [];
      const clients: Opened[] = [];
      const open = async (id: string, path: string, lastEventId?: string) => {
        const client = await SseTestClient.connect(app, `/${path}`, {
          headers: { 'x-user': id, 'x-roles': rolesOf(id).join() },
          lastEventId,
        });
        clients.push({ id, path, client, until: Infinity });
      };
      for (const id of IDS) {
        await open(id, 'topics');
        await open(id, 'patterns');
      }

      for (let n = 0; n < 400; n++) {
        const id = IDS[upTo(IDS.length)]!;
        const step = upTo(20);
        if (step === 0) {
          history.get(id)!.push(some(ROLES));
          await hub.refresh({ user: id });
        } else if (step === 1) {
          await hub.disconnect({ user: id });
          for (const opened of clients) {
            if (opened.id === id && opened.until === Infinity) {
              opened.until = n;
            }
          }
        } else if (step === 2) {
          // Comes back as who they are now, from where they were.
          const opened = clients[upTo(clients.length)]!;
          await open(opened.id, opened.path, opened.client.lastEventId);
        }
        const event = {
          n,
          revisions: Object.fromEntries(
            IDS.map((each) => [each, history.get(each)!.length - 1]),
          ),
          ...(random() < 0.4 && { users: some(IDS) }),
          ...(random() < 0.6 && { roles: some(ROLES) }),
        };
        published.push(event);
        const { users, roles } = event;
        void hub.publish(`rooms.${1 + upTo(2)}`, {
          data: { n },
          ephemeral: random() < 0.1,
          users,
          roles,
        });
      }
      const watch = await SseTestClient.connect(app, '/topics');
      await hub.publish('rooms.1', { data: { n: -1 } });
      await watch.until(() => watch.data.length > 0);

      let seen = 0;
      for (const { id, client, until } of clients) {
        for (const { n } of client.data as { n: number }[]) {
          if (n < 0) {
            continue;
          }
          seen++;
          const { users, roles, revisions } = published[n]!;
          // A role that was taken away before gives nothing; one that came later may, in a replay.
          const held = history.get(id)!.slice(revisions[id]).flat();
          const isTheirs =
            (users === undefined && roles === undefined) ||
            users?.includes(id) === true ||
            roles?.some((role) => held.includes(role)) === true;
          expect({ seed, id, n, isTheirs, inTime: n < until }).toEqual({
            seed,
            id,
            n,
            isTheirs: true,
            inTime: true,
          });
        }
      }
      expect(seen).toBeGreaterThan(100);
    });
  },
);
