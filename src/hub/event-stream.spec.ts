import { setImmediate as nextTurn } from 'node:timers/promises';
import { Observable } from 'rxjs';
import { MemoryLog } from '../log/memory/memory-log.js';
import { Dispatcher } from './dispatcher.js';
import { EventStream } from './event-stream.js';
import type { HubEvent } from './hub-event.js';
import { Presence } from './presence.js';
import { Selection } from './selection.js';
import type { StreamConnection } from './stream-connection.js';

const nothing = (): void => undefined;

/** A connection that takes everything at once. */
const connection = {
  listener: { userId: '42' },
  congested: false,
  attach: nothing,
  detach: nothing,
  start: nothing,
  beforeEvent: nothing,
  afterEvent: nothing,
  topicMoved: nothing,
} as unknown as StreamConnection;

async function open(
  selection: Selection,
  dispatcher = new Dispatcher(new MemoryLog(), {}),
  onEvent: (event: HubEvent) => void = nothing,
  parts: Partial<StreamConnection> = {},
) {
  await dispatcher.start();
  let stream!: EventStream;
  const subscription = new Observable<HubEvent>((subscriber) => {
    stream = new EventStream(
      dispatcher,
      { authorize: nothing },
      selection,
      { ...connection, ...parts },
      subscriber,
      {},
      new Presence(0),
      256,
    );
    subscriber.add(() => stream.close());
    stream.open();
  }).subscribe(onEvent);
  await nextTurn();
  return { stream, subscription, dispatcher };
}

describe('a stream', () => {
  it('observes what it has joined and not what it has left', async () => {
    const selection = new Selection('hub.stream', { topics: ['lobby'] }, {});
    const { stream, subscription, dispatcher } = await open(selection);
    const { subjects } = dispatcher;
    // The topic's, and the user.
    expect(subjects.size).toBe(2);
    await stream.join('rooms.1', undefined);
    await stream.join('rooms.2', undefined);
    expect(subjects.size).toBe(4);
    stream.leave('rooms.1');
    stream.leave('rooms.2');
    stream.leave('rooms.2');
    await nextTurn();
    expect(subjects.size).toBe(2);
    stream.leave('lobby');
    await nextTurn();
    expect(subjects.size).toBe(1);
    await stream.join('rooms.1', 'all');
    expect(subjects.size).toBe(2);
    subscription.unsubscribe();
    expect(subjects.size).toBe(0);
    await dispatcher.stop();
  });

  it('that falls behind in the midst of a dispatch gets also the event that it has not met', async () => {
    const log = new MemoryLog();
    const dispatcher = new Dispatcher(log, {});
    const selection = new Selection('hub.stream', { topics: ['lobby'] }, {});
    const got: (string | undefined)[] = [];
    let whenWritable = nothing;
    let before: string | undefined;
    await open(selection, dispatcher, () => {
      // By what its handler puts into the other one's, the second time.
      if (got.length === 1 && slow.stream.fallBehind()) {
        before = slow.stream.position;
      }
    });
    const slow = await open(selection, dispatcher, ({ id }) => got.push(id), {
      whenWritable: (callback) => (whenWritable = callback),
    });
    const time = Date.now();
    const record = { topic: 'lobby', type: 'message', data: '1', time };
    const entries = await log.append([record, record, record]);
    const ids = entries.map(({ cursor }) => cursor);
    while (dispatcher.settled !== ids[2]) {
      await nextTurn();
    }
    expect(got).toEqual([ids[0]]);
    expect(before).toBe(ids[0]);
    whenWritable();
    expect(got).toEqual(ids);
    expect(slow.stream.isUpToDate).toBe(true);
    await dispatcher.stop();
  });

  it('is left before it ends, and observes nothing then', async () => {
    const selection = new Selection('hub.stream', { topics: ['a', 'b'] }, {});
    const { stream, subscription, dispatcher } = await open(selection);
    stream.leave('a');
    subscription.unsubscribe();
    await nextTurn();

    expect(dispatcher.subjects.size).toBe(0);
    await dispatcher.stop();
  });
});
