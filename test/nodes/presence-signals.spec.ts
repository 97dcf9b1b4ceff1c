/** What nodes tell each other of who is there; see also `presence-agreement.spec.ts`. */
import { jest } from '@jest/globals';
import { CONTROL_TOPIC } from '../../src/hub/control-entry.js';
import {
  Bus,
  GRACE,
  LONG,
  Node,
  SOON,
  bytesOf,
  pass,
} from '../support/presence-nodes.js';

describe('Presence on several nodes', () => {
  let bus: Bus;
  let a: Node;
  let b: Node;
  let c: Node;

  beforeEach(async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
    bus = new Bus();
    [a, b, c] = [new Node(bus), new Node(bus), new Node(bus)];
    await pass(SOON);
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const everybody = () => [a, b, c].map(({ room }) => room);
  const told = () => [a, b, c].map(({ changes }) => changes);

  it('counts a user once over all nodes, and each node tells it once', async () => {
    a.join('ann');
    a.join('ann');
    b.join('ann');
    b.join('bob');
    await pass(SOON);
    expect(everybody()).toEqual(Array(3).fill(['ann', 'bob']));
    expect(c.presence.of('room').count).toBe(2);
    for (const changes of told()) {
      expect(changes.sort()).toEqual(['ann joined', 'bob joined']);
    }
    a.leave('ann');
    a.leave('ann');
    await pass(LONG);
    expect(everybody()).toEqual(Array(3).fill(['ann', 'bob']));
    b.leave('ann');
    await pass(GRACE - 1);
    expect(everybody()).toEqual(Array(3).fill(['ann', 'bob']));
    await pass(SOON);
    expect(everybody()).toEqual(Array(3).fill(['bob']));
    for (const changes of told()) {
      expect(changes.slice(2)).toEqual(['ann left']);
    }
  });

  it('keeps topics apart', async () => {
    a.join('ann', 'room');
    b.join('ann', 'hall');
    b.join('bob', '__proto__');
    await pass(SOON);
    a.leave('ann', 'room');
    await pass(GRACE + SOON);
    expect(c.changes).toEqual(['ann joined', 'ann left']);
    expect(c.presence.of('hall').users).toEqual(['ann']);
    expect(c.presence.of('__proto__').users).toEqual(['bob']);
  });

  it('tells nothing of a user who moves from node to node within the grace', async () => {
    a.join('ann');
    await pass(SOON);
    for (let n = 0; n < 6; n++) {
      const [from, to] = n % 2 === 0 ? [a, b] : [b, a];
      from.leave('ann');
      await pass(GRACE - SOON);
      expect(c.room).toEqual(['ann']);
      to.join('ann');
      await pass(2 * SOON);
    }
    await pass(LONG);
    expect(told()).toEqual(Array(3).fill(['ann joined']));
  });

  it('signals nothing of a user who reconnects to the same node', async () => {
    a.join('ann');
    await pass(SOON);
    const sent = await bus.during(async () => {
      for (let n = 0; n < 10; n++) {
        a.leave('ann');
        await pass(GRACE / 2);
        a.join('ann');
      }
    });
    expect(sent.every(({ type }) => type === 'hub.presence.beat')).toBe(true);
  });

  it('signals nothing of a user who has come and gone in between two rounds', async () => {
    const hasty = new Node(bus, Math.random, 0);
    hasty.join('bob');
    await pass(SOON);
    const sent = await bus.during(async () => {
      // The first change is a round of its own.
      hasty.join('ann');
      await pass(1);
      hasty.leave('ann');
      await pass(1);
      hasty.join('ann');
      hasty.leave('bob');
      await pass(1);
      hasty.join('bob');
      await pass(SOON);
    });
    const told = sent.filter(({ type }) => type.endsWith('.changes'));
    expect(told).toHaveLength(1);
    expect(told[0]!.data).toContain('"joined":[["room",["ann"]]],"left":[]');
    expect(c.room).toEqual(['ann', 'bob']);
  });

  describe('of which one', () => {
    beforeEach(async () => {
      a.join('ann');
      a.join('bob');
      b.join('cem');
      await pass(SOON);
      for (const { changes } of [a, b, c]) {
        changes.length = 0;
      }
    });

    it('closes: who comes to another within the grace has not left, the others have', async () => {
      await a.close();
      await pass(GRACE - SOON);
      expect(c.room).toEqual(['ann', 'bob', 'cem']);
      b.join('ann');
      await pass(2 * SOON);
      expect([b.changes, c.changes]).toEqual([['bob left'], ['bob left']]);
      expect([b.room, c.room]).toEqual(Array(2).fill(['ann', 'cem']));
      await pass(LONG);
      expect(c.changes).toEqual(['bob left']);
    });

    it('closes, and does not come back to life by what it sent before', async () => {
      bus.delay = ({ type }) => (type === 'hub.presence.state' ? 3_000 : 3);
      const late = new Node(bus);
      await pass(SOON);
      await a.close();
      await pass(GRACE + SOON);
      expect(late.room).toEqual(['cem']);
      expect([b.room, c.room]).toEqual(Array(2).fill(['cem']));
    });

    it('dies: it is gone with its users when it was not heard of for a while', async () => {
      a.crash();
      await pass(GRACE + SOON);
      expect(c.changes).toEqual([]);
      b.join('ann');
      await pass(LONG);
      expect([b.changes, c.changes]).toEqual([['bob left'], ['bob left']]);
      expect([b.room, c.room]).toEqual(Array(2).fill(['ann', 'cem']));
    });

    it('restarts: it is another one, and learns who is there', async () => {
      await a.close();
      const again = new Node(bus);
      await pass(SOON);
      expect(again.room).toEqual(['cem']);
      again.join('ann');
      again.join('bob');
      await pass(LONG);
      expect([again.room, b.room, c.room]).toEqual(
        Array(3).fill(['ann', 'bob', 'cem']),
      );
      expect([b.changes, c.changes]).toEqual([[], []]);
    });

    it('starts: it asks, and what its listeners add up to is what it says', async () => {
      const late = new Node(bus);
      expect(late.room).toEqual([]);
      await pass(SOON);
      expect(late.room).toEqual(['ann', 'bob', 'cem']);
      expect([...late.told].sort()).toEqual(late.room);
      expect(told()).toEqual([[], [], []]);
    });

    it('starts while its question gets lost: it learns by the next beats', async () => {
      bus.drops = (_, { type }) => type === 'hub.presence.ask';
      const late = new Node(bus);
      await pass(SOON);
      bus.drops = () => false;
      expect(late.room).toEqual([]);
      await pass(2 * GRACE);
      expect(late.room).toEqual(['ann', 'bob', 'cem']);
    });

    it('is cut off: it holds on to the others, and they take it back', async () => {
      bus.nodes.delete(a);
      await pass(LONG);
      expect(a.room).toEqual(['ann', 'bob', 'cem']);
      expect(a.changes).toEqual([]);
      expect(b.room).toEqual(['cem']);
      bus.nodes.add(a);
      a.leave('bob');
      await pass(LONG);
      expect(everybody()).toEqual(Array(3).fill(['ann', 'cem']));
      expect(a.changes).toEqual(['bob left']);
      expect(b.changes).toEqual([
        'ann left',
        'bob left',
        'ann joined',
        'bob joined',
        'bob left',
      ]);
      expect(b.doubled).toBe(false);
    });

    it('does not get what it sends: it declares nobody gone', async () => {
      bus.drops = (node) => node === a;
      await pass(10 * LONG);
      expect(a.room).toEqual(['ann', 'bob', 'cem']);
      expect(a.changes).toEqual([]);
    });
  });

  it('repairs what a lost signal has left out, by the next beat', async () => {
    a.join('ann');
    await pass(SOON);
    bus.drops = (node) => node === c;
    a.join('bob');
    await pass(SOON);
    bus.drops = () => false;
    expect(b.room).toEqual(['ann', 'bob']);
    expect(c.room).toEqual(['ann']);
    await pass(GRACE);
    expect(c.room).toEqual(['ann', 'bob']);
    expect(told()).toEqual(Array(3).fill(['ann joined', 'bob joined']));
  });

  it('a lost signal makes nobody leave who moves within the grace', async () => {
    a.join('ann');
    await pass(SOON);
    a.leave('ann');
    bus.drops = (node, { type }) =>
      node === c && type === 'hub.presence.changes';
    b.join('ann');
    await pass(SOON);
    bus.drops = () => false;
    await pass(LONG);
    expect(told()).toEqual(Array(3).fill(['ann joined']));
  });

  it('asks again for a large state of which a part was lost', async () => {
    const users = Array.from({ length: 5_000 }, (_, n) => `user-${n}`);
    users.forEach((user) => a.join(user));
    await pass(SOON);
    let lost = 0;
    bus.drops = (node, { type, data }) =>
      ![a, b, c].includes(node) &&
      type === 'hub.presence.state' &&
      data.includes('"part":1,') &&
      lost++ === 0;
    const late = new Node(bus);
    await pass(SOON);
    expect(late.room).toEqual([]);
    await pass(GRACE);
    expect(lost).toBeGreaterThan(1);
    expect(late.room).toEqual([...users].sort());
    const sizes = bus.sent.map(({ data }) => Buffer.byteLength(data));
    expect(Math.max(...sizes)).toBeLessThan(20_000);
  });

  describe('while the engine is away', () => {
    it('nobody leaves, however long; when it is back all agree again', async () => {
      a.join('ann');
      b.join('bob');
      c.join('cem');
      await pass(SOON);
      bus.isUp = false;
      a.join('dee');
      b.leave('bob');
      await pass(3_600_000);
      expect(a.room).toEqual(['ann', 'bob', 'cem', 'dee']);
      // What it knows by itself it tells.
      expect(b.room).toEqual(['ann', 'cem']);
      expect(c.changes).toHaveLength(3);
      bus.isUp = true;
      await pass(GRACE + SOON);
      expect(everybody()).toEqual(Array(3).fill(['ann', 'cem', 'dee']));
      await pass(LONG);
      expect(c.changes.slice(3).sort()).toEqual(['bob left', 'dee joined']);
      expect([a, b, c].some(({ doubled }) => doubled)).toBe(false);
    });

    it('and says itself that it is there, nobody leaves either', async () => {
      a.join('ann');
      await pass(SOON);
      bus.drops = () => true;
      await pass(3_600_000);
      bus.drops = () => false;
      await pass(LONG);
      expect(everybody()).toEqual(Array(3).fill(['ann']));
      expect(told()).toEqual(Array(3).fill(['ann joined']));
    });

    it('what was silent before it is not held against anybody behind it', async () => {
      // Beats every 5 seconds, of `first` before those of `second`.
      const half = () => 0.5;
      bus = new Bus();
      const first = new Node(bus, half);
      const second = new Node(bus, half);
      second.join('ann');
      await pass(SOON);
      bus.drops = (to, _, from) => to === first && from === second;
      // Nearly for as long as it takes to be gone.
      await pass(16_000);
      bus.isUp = false;
      await pass(LONG);
      bus.isUp = true;
      bus.drops = () => false;
      await pass(LONG);
      expect(first.changes).toEqual(['ann joined']);
      bus.drops = (to, _, from) => to === first && from === second;
      await pass(26_000);
      expect(first.changes).toEqual(['ann joined', 'ann left']);
    });

    it('nothing piles up, nor is sent later', async () => {
      bus.isUp = false;
      for (let n = 0; n < 1_000; n++) {
        a.join(`user-${n}`);
        await pass(10);
      }
      expect(bus.inVain).toBe(0);
      const sent = await bus.during(async () => {
        bus.isUp = true;
        await pass(20_000);
      });
      expect(b.room).toHaveLength(1_000);
      expect(bytesOf(sent)).toBeLessThan(40_000);
    });

    it('a node that closes does not wait for it', async () => {
      a.join('ann');
      await pass(SOON);
      bus.isUp = false;
      await a.close();
      bus.isUp = true;
      await pass(LONG);
      expect(b.room).toEqual([]);
    });
  });

  it('costs beats when nothing changes, and what changes in rounds', async () => {
    for (let n = 0; n < 5_000; n++) {
      [a, b, c].forEach((node, index) => node.join(`user-${index}-${n}`));
    }
    await pass(GRACE);
    const idle = await bus.during(() => pass(LONG));
    expect(idle.every(({ type }) => type === 'hub.presence.beat')).toBe(true);
    // 3 nodes, 12 beats a minute, more or less by a fifth.
    expect(idle.length).toBeLessThanOrEqual(3 * 15);
    expect(bytesOf(idle)).toBeLessThan(3 * 15 * 60);

    // Everybody leaves one node, and comes to another in 3 seconds.
    const moved = await bus.during(async () => {
      for (let n = 0; n < 5_000; n++) {
        a.leave(`user-0-${n}`);
        b.join(`user-0-${n}`);
        if (n % 5 === 0) {
          await pass(3);
        }
      }
      await pass(2 * GRACE);
    });
    const changes = moved.filter(({ type }) => type.endsWith('.changes'));
    expect(changes.length).toBeLessThan(80);
    expect(bytesOf(moved)).toBeLessThan(5_000 * 2 * 20);
    expect(c.changes.filter((change) => change.includes('left'))).toEqual([]);
    expect(everybody().map(({ length }) => length)).toEqual(
      Array(3).fill(15_000),
    );
  });

  it('tells each other nothing under a topic that an application could have', async () => {
    a.join('ann');
    await pass(LONG);
    a.leave('ann');
    await a.close();
    expect(new Set(bus.sent.map(({ topic }) => topic))).toEqual(
      new Set([CONTROL_TOPIC]),
    );
    const kinds = new Set(bus.sent.map(({ type }) => type));
    for (const kind of ['changes', 'beat', 'ask', 'bye']) {
      expect(kinds).toContain(`hub.presence.${kind}`);
    }
  });

  it('passes over what another version may say', () => {
    expect(() =>
      a.presence.receive('hub.presence.something', '{"node":"x"}'),
    ).not.toThrow();
    expect(() => a.presence.receive('hub.other', 'no JSON')).not.toThrow();
  });
});
