import {
  Controller,
  ForbiddenException,
  Injectable,
  UseGuards,
} from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import {
  Connection,
  EventHub,
  Sse,
  SseConnection,
  TopicPolicy,
} from 'nestjs-sse-hub';
import type { TopicAuthorizer } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { eventually } from '../support/eventually.js';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import {
  numbersOf,
  publishNumbers,
  resetsOf,
  startNode,
  untilNumber,
} from '../support/nodes.js';
import type { Node } from '../support/nodes.js';
import { closeApps, platforms } from '../support/running-app.js';
import { SharedHistory } from '../support/shared-log.js';
import type { SharedLog } from '../support/shared-log.js';

/** What the application knows, on all nodes. */
const app = {
  signedOut: new Set<string>(),
  /** Guards wait for the test. */
  holds: false,
  passes: [] as (() => void)[],
  /** A policy of topics that anybody may have: what it says, and whom it keeps waiting. */
  isOpen: true,
  answersLater: false,
  answers: [] as (() => void)[],
};

@Injectable()
class SessionGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { headers } = context
      .switchToHttp()
      .getRequest<{ headers: Record<string, string> }>();
    const mayPass = !app.signedOut.has(headers['x-user']!);
    if (app.holds) {
      await new Promise<void>((resolve) => app.passes.push(resolve));
    }
    return mayPass;
  }
}

@Injectable()
@TopicPolicy('rooms.*')
class RoomsPolicy implements TopicAuthorizer {
  async canSubscribe(): Promise<boolean> {
    if (app.answersLater) {
      await new Promise<void>((resolve) => app.answers.push(resolve));
    }
    if (!app.isOpen) {
      throw new ForbiddenException();
    }
    return true;
  }
}

@UseGuards(HeaderUserGuard, SessionGuard)
@Controller()
class SessionController {
  constructor(private readonly hub: EventHub) {}

  @Sse('session')
  session(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }

  @Sse('room')
  room(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['rooms.1', 'numbers'], for: connection });
  }
}

const ann = { headers: { 'x-user': 'ann' } };

const closedWith = ({
  received: events,
}: SseTestClient): string | undefined => {
  const last = events.at(-1);
  return last?.type === 'hub.closed'
    ? (last.data as { reason: string }).reason
    : undefined;
};

describe.each(platforms)(
  'Invariant 8, nobody sees what is not theirs, when revocations may be gone (%s)',
  (_, adapter) => {
    let history: SharedHistory;
    let ahead: Node;
    let node: Node;

    beforeEach(async () => {
      Object.assign(app, {
        signedOut: new Set(),
        holds: false,
        passes: [],
        isOpen: true,
        answersLater: false,
        answers: [],
      });
      history = new SharedHistory();
      ahead = await start();
      node = await start();
    });

    afterEach(async () => {
      await closeSseTestClients();
      await closeApps();
    });

    const start = (log: SharedLog = history.node()): Promise<Node> =>
      startNode(
        adapter,
        history,
        {
          controllers: [SessionController],
          providers: [RoomsPolicy],
          options: { heartbeat: 100 },
        },
        log,
      );

    /** The node meets that entries are gone which it has not met. */
    async function loseUnmet(kind: 'trimmed' | 'lost'): Promise<void> {
      const { cursor } = await ahead.hub.snapshot(() => undefined);
      if (kind === 'trimmed') {
        history.trim(cursor);
      } else {
        history.loseHistory();
      }
      const { position } = node.hub.health();
      node.log.release();
      await eventually(() => node.hub.health().position !== position);
    }

    it.each(['trimmed', 'lost'] as const)(
      'ends the streams of users, whom the guards judge anew: the entry was %s',
      async (kind) => {
        await publishNumbers(ahead, 1, 1);
        const client = await SseTestClient.connect(node.app, '/session', ann);
        await client.next('hub.checkpoint');
        node.log.hold();
        app.signedOut.add('ann');
        await ahead.hub.disconnect({ user: 'ann' }, 'signed-out');
        await loseUnmet(kind);
        await publishNumbers(node, 2, 2);
        expect((await client.untilClosed()).clean).toBe(true);
        expect(closedWith(client)).toBe('unavailable');
        expect(client.data).toEqual([]);
        const again = await SseTestClient.connect(node.app, '/session', {
          ...ann,
          lastEventId: client.lastEventId,
        });
        expect(again.status).toBe(403);
      },
    );

    it('lets who may stay come back from where they were, told of the gap', async () => {
      const [first] = await publishNumbers(ahead, 1, 1);
      const client = await SseTestClient.connect(node.app, '/session', {
        ...ann,
        lastEventId: first,
      });
      node.log.hold();
      await publishNumbers(ahead, 2, 3);
      await loseUnmet('trimmed');
      expect((await client.untilClosed()).clean).toBe(true);
      expect(client.lastEventId).toBe(first);
      await client.reconnect();
      await publishNumbers(node, 4, 4);
      await untilNumber(client, 4);
      expect(resetsOf(client)).toEqual([{ reason: 'evicted', cursor: first }]);
      expect(numbersOf(client)).toEqual([4]);
    });

    it('ends also a stream that guards have let through before, and that opens after it', async () => {
      app.holds = true;
      const connecting = SseTestClient.connect(node.app, '/session', ann);
      await eventually(() => app.passes.length === 1);
      node.log.hold();
      app.signedOut.add('ann');
      await ahead.hub.disconnect({ user: 'ann' }, 'signed-out');
      await loseUnmet('trimmed');
      app.passes.forEach((pass) => pass());
      const client = await connecting;
      await publishNumbers(node, 2, 2);
      expect((await client.untilClosed()).clean).toBe(true);
      expect(closedWith(client)).toBe('unavailable');
      expect(client.data).toEqual([]);
    });

    it('leaves streams of nobody in particular open, which are told of the gap', async () => {
      const client = await SseTestClient.connect(node.app, '/session');
      await client.next('hub.checkpoint');
      node.log.hold();
      await publishNumbers(ahead, 1, 2);
      await loseUnmet('trimmed');
      await publishNumbers(node, 3, 3);
      await untilNumber(client, 3);
      expect(resetsOf(client)).toHaveLength(1);
      expect(numbersOf(client)).toEqual([3]);
    });

    it('asks the policies of such streams again, and lets nothing out before they answer', async () => {
      const [kept, ended] = await Promise.all([
        SseTestClient.connect(node.app, '/room'),
        SseTestClient.connect(node.app, '/room'),
      ]);
      await Promise.all([kept, ended].map((c) => c.next('hub.checkpoint')));
      const watch = await SseTestClient.connect(node.app, '/session');
      node.log.hold();
      await publishNumbers(ahead, 1, 2);
      app.answersLater = true;
      await loseUnmet('trimmed');
      await publishNumbers(node, 3, 3);
      await untilNumber(watch, 3);
      expect(app.answers).toHaveLength(2);
      expect([...kept.data, ...ended.data]).toEqual([]);
      app.answers[0]!();
      await untilNumber(kept, 3);
      app.isOpen = false;
      app.answers[1]!();
      expect((await ended.untilClosed()).clean).toBe(true);
      expect(closedWith(ended)).toBe('revoked');
      expect(numbersOf(kept)).toEqual([3]);
      expect(numbersOf(ended)).toEqual([]);
    });

    it('ends nobody when no other node can have revoked anything', async () => {
      const log = history.node();
      log.capabilities = { durable: true, shared: false };
      const alone = await start(log);
      const [client, signedOut] = await Promise.all([
        SseTestClient.connect(alone.app, '/session', ann),
        SseTestClient.connect(alone.app, '/session', {
          headers: { 'x-user': 'bob' },
        }),
      ]);
      await Promise.all(
        [client, signedOut].map((c) => c.next('hub.checkpoint')),
      );
      log.hold();
      const disconnected = alone.hub.disconnect({ user: 'bob' }, 'signed-out');
      await eventually(() => log.calls.append > 0);
      const [last] = await publishNumbers(ahead, 1, 1);
      history.trim(last!);
      log.release();
      await disconnected;
      await publishNumbers(alone, 2, 2);
      await untilNumber(client, 2);
      expect(resetsOf(client)).toHaveLength(1);
      expect((await signedOut.untilClosed()).clean).toBe(true);
      expect(closedWith(signedOut)).toBe('signed-out');
    });
  },
);
