import type { INestApplicationContext } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CONTROL_TOPIC } from '../hub/control-entry.js';
import { EventHub } from '../hub/event-hub.js';
import type { Cursor } from '../log/cursor.js';
import { epochOf } from '../log/cursor.js';
import type { LogRecord } from '../log/event-log.js';
import { MemoryLog } from '../log/memory/memory-log.js';
import { partOf } from './app-parts.js';
import { SseTestException } from './client/sse-test.exceptions.js';

/** Entries that are appended to make a log drop what it has, at most. */
const MOST = 20_000;
const BATCH = 500;

/**
 * Makes the retained history go, so that every client that was there is told `hub.reset` when it comes
 * back with the cursor that it has now. Streams that are open go on.
 *
 * A `MemoryLog` lets go of its entries. Another log is made to by what makes it in production: entries of
 * the hub's own, which no stream gets, are appended until its retention and the window of this node
 * have dropped all that was there.
 *
 * @param target the application, or its hub
 * @throws SseTestException if the log keeps more than 20,000 entries: give that of the test a small
 * `maxEvents`; LogUnavailableException
 */
export async function evictHistory(
  target: INestApplicationContext | EventHub<any>,
): Promise<void> {
  const hub = target instanceof EventHub ? target : partOf(target, EventHub);
  await hub.settled();
  if (hub.log instanceof MemoryLog) {
    // Who has seen the newest entry has lost nothing when it goes; of this one nobody knows.
    const [last] = await hub.log.append([filler()]);
    hub.log.evict();
    await untilDropped(hub, last!.cursor);
  } else {
    await displace(hub);
  }
}

/** Appends until what is there now is retained neither by the log nor by this node. */
async function displace(hub: EventHub): Promise<void> {
  const { log } = hub;
  const [mark] = await log.append([filler()]);
  for (let appended = 1; appended < MOST; appended += BATCH) {
    const entries = await log.append(Array.from({ length: BATCH }, filler));
    await untilMet(hub, entries.at(-1)!.cursor);
    const { floor } = await log.bounds();
    if (epochOf(floor) !== epochOf(mark!.cursor)) {
      return;
    }
    if (floor >= mark!.cursor && hub.dispatcher.window.floor >= mark!.cursor) {
      return;
    }
  }
  throw new SseTestException(
    `The log still has its history behind ${MOST} entries more. Give the log of the test a small maxEvents.`,
  );
}

async function untilMet(hub: EventHub, cursor: Cursor): Promise<void> {
  while (hub.dispatcher.position < cursor) {
    await nextTurn();
  }
}

async function untilDropped(hub: EventHub, cursor: Cursor): Promise<void> {
  while (hub.dispatcher.window.floor < cursor) {
    await nextTurn();
  }
}

/** An entry that means nothing to any node. */
function filler(): LogRecord {
  return {
    topic: CONTROL_TOPIC,
    type: 'hub.filler',
    data: '{}',
    time: Date.now(),
  };
}
