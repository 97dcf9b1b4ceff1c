import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventLog, LogEntry, LogRecord } from '../../log/event-log.js';
import { recordOf } from './record.js';
import type { Trial } from './trial.js';

/** How hard appenders press. */
export interface Pressure {
  /** @default 4 */
  readonly appenders?: number;
  /** Batches of each appender. @default 25 */
  readonly batches?: number;
  /** Records of a batch at most. @default 5 */
  readonly most?: number;
  /** Changes a record, such as to give it a key. */
  readonly record?: (record: LogRecord) => LogRecord;
}

/**
 * Appends from several sides as fast as the log takes it, each appender one batch after the
 * other, in turn on these nodes.
 *
 * @returns the batches as they were acknowledged, those of each appender in its order
 */
export async function appendAtFullSpeed(
  trial: Trial,
  nodes: readonly EventLog[],
  pressure: Pressure = {},
): Promise<(readonly LogEntry[])[][]> {
  const { appenders = 4, batches = 25, most = 5 } = pressure;
  const { record = (as) => as } = pressure;
  return Promise.all(
    Array.from({ length: appenders }, async (_, appender) => {
      const log = nodes[appender % nodes.length]!;
      const acknowledged: (readonly LogEntry[])[] = [];
      for (let batch = 0; batch < batches; batch++) {
        const records = Array.from({ length: 1 + trial.below(most) }, (_, i) =>
          record(recordOf(`${appender}: ${batch}.${i}`)),
        );
        acknowledged.push(await log.append(records));
        if (trial.random() < 0.2) {
          await nextTurn();
        }
      }
      return acknowledged;
    }),
  );
}
