import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventually } from '../support/eventually.js';
import { platforms } from '../support/running-app.js';
import { enterRooms, leaveRooms } from './rooms-app.js';

afterEach(leaveRooms);

const MOVES = 10_000;

describe.each(platforms)('Memory of rooms on %s', (_, adapter) => {
  it('a connection that has joined and left 10,000 topics keeps none of them', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const { connection, hub } = await enterRooms(adapter, 'events', {
      presenceGrace: 0,
    });
    // Long, so that what keeps one of each shows.
    const roomOf = (n: number) => `rooms.${n}.${'x'.repeat(200)}`;
    const move = async (from: number) => {
      for (let n = from; n < from + MOVES; n++) {
        const room = roomOf(n);
        const rewind = n % 3 === 0 ? 'all' : undefined;
        const joining = connection.join(room, { rewind });
        if (n % 3 === 1) {
          connection.leave(room);
        }
        await joining;
        connection.leave(room);
      }
      connection.leave('lobby');
      await connection.join('lobby');
      // Its user is on a topic until the grace is over.
      const last = roomOf(from + MOVES - 2);
      await eventually(() => hub.presence(last).count === 0);
    };
    await move(0);
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    await move(MOVES);
    collectGarbage();
    const grown = process.memoryUsage().heapUsed - before;

    expect(connection.movedTopics?.size).toBe(0);
    expect(connection.coversTopic('rooms.1')).toBe(false);
    expect(grown).toBeLessThan(MOVES * 100);
  });
});
