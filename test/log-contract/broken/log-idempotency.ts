import { MemoryLog } from 'nestjs-sse-hub';
import type { LogEntry, LogRecord } from 'nestjs-sse-hub';
import { taking } from './broken-log.js';
import type { BrokenLogs } from './broken-log.js';

let count = 0;

export const IDEMPOTENCY: BrokenLogs = {
  'ignores idempotency keys': {
    breaks:
      'idempotency: a second append with a key is not appended and returns the first entry',
    Log: class extends MemoryLog {
      override async append(records: readonly LogRecord[]) {
        const entries = await super.append(
          records.map((record) => ({ ...record, idempotencyKey: undefined })),
        );
        return entries.map((entry, i) => ({
          ...entry,
          idempotencyKey: records[i]!.idempotencyKey,
        }));
      }
    },
  },
  'leaves out of what it returns the records whose key it knows': {
    breaks:
      'idempotency: an earlier entry stands in its place in what is returned, the new ones around it',
    Log: class extends MemoryLog {
      override async append(records: readonly LogRecord[]) {
        const { head } = await this.bounds();
        const entries = await super.append(records);
        return entries.filter(({ cursor }) => cursor > head);
      }
    },
  },
  'checks a key and then appends': {
    breaks:
      'idempotency: of concurrent appends with a key one is appended and all get its entry',
    Log: class extends MemoryLog {
      readonly #known = new Map<string, LogEntry>();
      override async append(records: readonly LogRecord[]) {
        const known = records.map((r) => this.#known.get(r.idempotencyKey!));
        const missing = records.filter((_, i) => !known[i]);
        const entries = await super.append(
          missing.map(({ idempotencyKey, ...record }) => ({
            ...record,
            idempotencyKey: idempotencyKey && `${idempotencyKey} ${++count}`,
          })),
        );
        missing.forEach(({ idempotencyKey }, i) =>
          this.#known.set(idempotencyKey!, entries[i]!),
        );
        let next = 0;
        return known.map((entry) => entry ?? entries[next++]!);
      }
    },
  },
  'knows keys for ever': {
    breaks:
      'idempotency: a key holds while its entry is retained, and is free when it is gone',
    Log: class extends MemoryLog {
      readonly #known = new Map<string, LogEntry>();
      override async append(records: readonly LogRecord[]) {
        const [record] = records;
        const known = this.#known.get(record!.idempotencyKey!);
        const entries = known ? [known] : await super.append(records);
        this.#known.set(record!.idempotencyKey ?? '', entries[0]!);
        this.#known.delete('');
        return entries;
      }
    },
  },
  'compares keys without regard to case': {
    breaks:
      'idempotency: keys that differ in case, in spaces or in Unicode form are different keys',
    Log: taking((record) => ({
      ...record,
      idempotencyKey: record.idempotencyKey?.toLowerCase(),
    })),
  },
};
