import type { Cursor, EventLog, LogPageLimit, LogRecord } from 'nestjs-sse-hub';

/** A log that counts what is read of it beside its tail. */
export class CountingLog implements EventLog {
  reads = 0;

  constructor(private readonly log: EventLog) {}

  get capabilities() {
    return this.log.capabilities;
  }

  read(after: Cursor, limit: LogPageLimit) {
    this.reads++;
    return this.log.read(after, limit);
  }

  readBack(through: Cursor, limit: LogPageLimit) {
    this.reads++;
    return this.log.readBack(through, limit);
  }

  bounds() {
    this.reads++;
    return this.log.bounds();
  }

  open() {
    return this.log.open();
  }

  append(records: readonly LogRecord[]) {
    return this.log.append(records);
  }

  signal(records: readonly LogRecord[]) {
    return this.log.signal(records);
  }

  tail(after: Cursor) {
    return this.log.tail(after);
  }

  health() {
    return this.log.health();
  }

  close() {
    return this.log.close();
  }
}
