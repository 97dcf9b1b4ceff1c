import { HubEvent } from '../hub/hub-event.js';
import type { Listener } from '../hub/selection.js';
import { isFor } from '../hub/selection.js';
import type { Cursor } from '../log/cursor.js';
import { epochOf, isCursor } from '../log/cursor.js';
import { SseRouteException } from './connection.exceptions.js';
import type { Frame, FrameFields } from './frame.js';
import { encodeEvent, encodeFrame } from './frame.js';
import { toFields } from './message.js';
import { Withheld } from './withheld.js';

/** How often a handler may start over because of others before an event is done. */
const MOST_SKIPPED = 256;

/** Something that a handler does which the developer should hear of once. */
export type OutputWarning = 'id-backwards' | 'id-foreign' | 'id-lost';

/** What the output asks of its connection. */
export interface OutputConnection {
  readonly listener: Listener;
  /** Whether the listener was another one before. */
  readonly renewed?: boolean;
  /** The newest event that the connection's hub stream has handed on. */
  readonly reached: Cursor | undefined;
  /** Whether it carries a hub stream, which may not have started yet. */
  readonly carriesStream?: boolean;
  send(frame: Frame): void;
  warn(warning: OutputWarning): void;
}

/**
 * Turns what a handler emits into frames, and decides which ids they carry, so that
 * the client's cursor never claims more than it has been sent:
 *
 * - What is emitted while the hub hands on an event, and has no id of its own, is made
 *   of that event: the last such object carries the event's id.
 * - An id never goes backwards. On a hub stream it is a cursor or absent.
 * - An event of which nothing was emitted may be filtered out or only delayed. Until a
 *   later frame leaves, no checkpoint goes past it.
 */
export class StreamOutput {
  /** The last cursor that was sent. */
  cursor: Cursor | undefined;
  /** What every cursor of this history begins with. */
  #epoch = '';
  #current: HubEvent | undefined;
  #held: unknown;
  #holds = false;
  /** The handler made `undefined` of the event in work: nothing is to come of it. */
  #answered = false;
  /** Most streams never withhold anything. */
  #withheld: Withheld | undefined;
  /** Those behind the cursor. */
  #skipped: Set<Cursor> | undefined;

  /** @param mostWithheld how many withheld events are remembered one by one */
  constructor(
    private readonly connection: OutputConnection,
    private readonly mostWithheld?: number,
  ) {}

  get #withholds(): boolean {
    return this.#withheld !== undefined && !this.#withheld.isEmpty;
  }

  /** A hub stream starts or starts over at this cursor. */
  startAt(cursor: Cursor): void {
    this.cursor = cursor;
    this.#epoch = `${epochOf(cursor)}-`;
    this.#withheld?.clear();
  }

  beforeEvent(event: HubEvent): void {
    this.#current = event;
    this.#answered = false;
  }

  /** @throws InvalidFrameException, UnserializableDataException */
  afterEvent(): void {
    const id = this.endWork();
    if (id !== undefined && !this.#answered) {
      (this.#withheld ??= new Withheld(this.mostWithheld)).add(id);
    }
    // Not when that threw: the failure is this event's.
    this.#current = undefined;
  }

  /**
   * Sends what is held back for the event in work.
   *
   * @returns the event's id, if nothing of it has been sent
   * @throws InvalidFrameException, UnserializableDataException
   */
  endWork(): Cursor | undefined {
    const id = this.#current?.id;
    if (this.#holds) {
      this.#release(id);
      return undefined;
    }
    return id !== undefined && this.#isAhead(id) ? id : undefined;
  }

  /**
   * Takes what the handler emitted.
   * @throws InvalidFrameException, UnserializableDataException, SseRouteException
   */
  next(value: unknown): void {
    if (value === undefined) {
      this.#answered = true;
      return;
    }
    const current = this.#current;
    if (current !== undefined && idOf(value, current.id) === current.id) {
      if (this.#holds) {
        this.#release(undefined);
      }
      this.#held = value;
      this.#holds = true;
      return;
    }
    this.endWork();
    if (value instanceof HubEvent) {
      if (this.connection.renewed && !isFor(value, this.connection.listener)) {
        // A handler that delays it got it before a refresh took the role away.
        return;
      }
      this.#checkOrigin(value);
    }
    this.#emit(value, undefined);
  }

  /**
   * Moves the client's cursor to where its stream is, if that claims nothing that the
   * handler may still send.
   */
  checkpoint(position: Cursor, encode: (cursor: Cursor) => Frame): boolean {
    if (
      this.#withholds ||
      this.cursor === undefined ||
      position <= this.cursor
    ) {
      return false;
    }
    this.cursor = position;
    this.connection.send(encode(position));
    return true;
  }

  /** What another hub stream of the connection does not hand on again: it failed at these. */
  get skipped(): ReadonlySet<Cursor> | undefined {
    return this.#skipped;
  }

  /**
   * Behind which event another hub stream of the connection continues, when one has got as far
   * as `reached`.
   *
   * @returns `undefined` if it cannot continue there without what is withheld
   */
  resumeAt(reached: Cursor): Cursor | undefined {
    if (!this.#withholds) {
      return reached;
    }
    if (this.#current === undefined) {
      // Of what the handler still had in work, the oldest may be what it failed at.
      return this.#withheld!.oldest ?? this.cursor;
    }
    // It failed at this event: those before it come once more, it does not.
    this.#answered = true;
    return this.#skip(this.#current.id) ? this.cursor : undefined;
  }

  /** Whether a client that continues there goes without an event that may still be in work. */
  leavesOut(at: Cursor): boolean {
    return this.#withholds && this.#withheld!.oldest !== at;
  }

  /**
   * The id behind which a client continues after a failure: the event in work, else
   * the oldest of which nothing was sent. It must move, or the same event would fail
   * for ever. While it is not known which that is, the client continues at its cursor.
   */
  failedAt(): Cursor | undefined {
    if (this.#holds) {
      // A part of the event that fails: it goes out, but does not count for it.
      try {
        this.#release(undefined);
      } catch {
        // Nor can it be sent. The stream must end all the same.
      }
    }
    const id =
      this.#current === undefined ? this.#withheld?.oldest : this.#current.id;
    return id !== undefined && this.#isAhead(id) ? id : undefined;
  }

  /** @returns whether there is room for one more */
  #skip(id: Cursor | undefined): boolean {
    const skipped = (this.#skipped ??= new Set());
    for (const other of skipped) {
      if (other <= this.cursor!) {
        skipped.delete(other);
      }
    }
    if (id !== undefined) {
      skipped.add(id);
    }
    return skipped.size <= MOST_SKIPPED;
  }

  /**
   * Refuses an event that is not for this connection's user, and on a connection without a
   * hub stream one that comes from the log all the same.
   */
  #checkOrigin(event: HubEvent): void {
    if (
      !isFor(event, this.connection.listener) ||
      (this.cursor === undefined && HubEvent.isDispatched(event))
    ) {
      throw new SseRouteException(
        'A handler emits hub events that are not of its hub stream: of hub.listen(), which is for server code, or of hub.history(). Return hub.stream({ …, for: connection }), with `rewind` if it is to begin with retained events; a history is sent as a list, { data: events.map(({ data }) => data) }.',
      );
    }
  }

  #release(id: Cursor | undefined): void {
    const value = this.#held;
    this.#held = undefined;
    this.#holds = false;
    this.#emit(value, id ?? null);
  }

  /** @param id the id to send; `null`: none; `undefined`: the value's own */
  #emit(value: unknown, id: Cursor | null | undefined): void {
    if (value instanceof HubEvent) {
      this.#emitEvent(value, id === undefined ? value.id : (id ?? undefined));
    } else {
      this.#emitMessage(toFields(value), id);
    }
  }

  #emitEvent(event: HubEvent, id: Cursor | undefined): void {
    const moves = id !== undefined && this.#isAhead(id);
    const isOnHubStream =
      this.cursor !== undefined || this.connection.carriesStream;
    this.connection.send(
      moves || event.id === undefined || !isOnHubStream
        ? HubEvent.shared(event, encodeEvent)
        : encodeEvent({ type: event.type, text: HubEvent.textOf(event) }),
    );
    this.#moveTo(id, moves);
  }

  #emitMessage(fields: FrameFields, given: Cursor | null | undefined): void {
    if (this.cursor === undefined && !this.connection.carriesStream) {
      this.connection.send(encodeFrame(fields));
      return;
    }
    let id = given ?? undefined;
    if (given === undefined && fields.id !== undefined) {
      if (isCursor(fields.id) && fields.id.startsWith(this.#epoch)) {
        id = fields.id;
      } else {
        this.connection.warn('id-foreign');
      }
    } else if (given === undefined && this.#withholds) {
      this.connection.warn('id-lost');
    }
    const moves = id !== undefined && this.#isAhead(id);
    this.connection.send(
      encodeFrame({ ...fields, id: moves ? id : undefined }),
    );
    this.#moveTo(id, moves);
  }

  #moveTo(id: Cursor | undefined, moves: boolean): void {
    if (moves) {
      this.cursor = id;
      this.#withheld?.sentThrough(id!);
    } else if (
      id !== undefined &&
      id !== this.cursor &&
      this.cursor !== undefined
    ) {
      this.connection.warn('id-backwards');
    }
  }

  /** Whether the client's cursor may move there: forward, and not past what it gets. */
  #isAhead(id: Cursor): boolean {
    if (this.cursor === undefined || id <= this.cursor) {
      return false;
    }
    if (id === this.#current?.id) {
      return true;
    }
    const { reached } = this.connection;
    return reached !== undefined && id <= reached && id.startsWith(this.#epoch);
  }
}

/** A value's own id, or the given one if it has none. */
function idOf(value: unknown, otherwise: Cursor | undefined): unknown {
  if (value instanceof HubEvent) {
    return value.id;
  }
  const { id } = Object(value) as { id?: unknown };
  return id === undefined || id === null ? otherwise : id;
}
