import { HubEvent } from '../hub/hub-event.js';
import type { Cursor } from '../log/cursor.js';
import { epochOf } from '../log/cursor.js';
import { SseRouteException } from './connection.exceptions.js';
import type { Frame } from './frame.js';
import { encodeEvent, encodeFrame } from './frame.js';
import { toFields } from './message.js';

/** Something that a handler does which the developer should hear of once. */
export type OutputWarning = 'id-backwards' | 'id-foreign';

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
  #carriesHub = false;
  /** What every cursor of this history begins with. */
  #epoch = '';
  #current: HubEvent | undefined;
  #held: unknown;
  #holds = false;
  #firstWithheld: Cursor | undefined;
  #lastWithheld: Cursor | undefined;

  constructor(
    private readonly send: (frame: Frame) => void,
    private readonly warn: (warning: OutputWarning) => void,
  ) {}

  /** A hub stream starts or starts over at this cursor. */
  startAt(cursor: Cursor): void {
    this.#carriesHub = true;
    this.cursor = cursor;
    this.#epoch = `${epochOf(cursor)}-`;
    this.#firstWithheld = this.#lastWithheld = undefined;
  }

  beforeEvent(event: HubEvent): void {
    this.#current = event;
  }

  /** @throws InvalidFrameException, UnserializableDataException */
  afterEvent(): void {
    const id = this.#current?.id;
    if (this.#holds) {
      this.#release(id);
    } else if (id !== undefined && !this.#isSent(id)) {
      this.#firstWithheld ??= id;
      this.#lastWithheld = id;
    }
    // Not when that threw: the failure is this event's.
    this.#current = undefined;
  }

  /**
   * Takes what the handler emitted.
   * @throws InvalidFrameException, UnserializableDataException
   */
  next(value: unknown): void {
    if (this.#current !== undefined && this.#isOfCurrent(value)) {
      if (this.#holds) {
        this.#release(undefined);
      }
      this.#held = value;
      this.#holds = true;
    } else {
      if (this.#holds) {
        this.#release(this.#current?.id);
      }
      this.#emit(value, value instanceof HubEvent ? value.id : undefined);
    }
  }

  /** Sends what is held back for the event in work, without moving the cursor to it. */
  flushHeld(): void {
    if (this.#holds) {
      this.#release(undefined);
    }
  }

  /**
   * Moves the client's cursor to where its stream is, if that claims nothing that the
   * handler may still send.
   */
  checkpoint(position: Cursor, encode: (cursor: Cursor) => Frame): boolean {
    if (
      this.#lastWithheld !== undefined ||
      this.cursor === undefined ||
      position <= this.cursor
    ) {
      return false;
    }
    this.cursor = position;
    this.send(encode(position));
    return true;
  }

  /**
   * The id behind which a client continues after a failure: the event in work, else
   * the oldest of which nothing was sent. It must move, or the same event would fail
   * for ever.
   */
  failedAt(): Cursor | undefined {
    const id =
      this.#current === undefined ? this.#firstWithheld : this.#current.id;
    return id !== undefined && this.#isAhead(id) ? id : undefined;
  }

  #isOfCurrent(value: unknown): boolean {
    return value instanceof HubEvent
      ? value.id === this.#current!.id
      : typeof value !== 'object' ||
          value === null ||
          !('id' in value) ||
          value.id === undefined;
  }

  #release(id: Cursor | undefined): void {
    const value = this.#held;
    this.#held = undefined;
    this.#holds = false;
    this.#emit(value, id);
  }

  #emit(value: unknown, id: Cursor | undefined): void {
    if (value === undefined) {
      return;
    }
    if (value instanceof HubEvent && !this.#carriesHub) {
      throw new SseRouteException(
        'A handler emits hub events without a hub stream, so from hub.listen(), which is for server code. Return hub.stream({ …, for: connection }).',
      );
    }
    const moves = id !== undefined && this.#isAhead(id);
    if (value instanceof HubEvent) {
      this.send(
        moves || value.id === undefined
          ? HubEvent.shared(value, encodeEvent)
          : encodeEvent({ type: value.type, text: HubEvent.textOf(value) }),
      );
      if (id !== undefined && !moves && id !== this.cursor) {
        this.warn('id-backwards');
      }
    } else {
      this.send(
        encodeFrame(this.#withOwnId(toFields(value), moves ? id : undefined)),
      );
    }
    if (moves) {
      this.#movedTo(id);
    }
  }

  #withOwnId<Fields extends { readonly id?: string }>(
    fields: Fields,
    id: Cursor | undefined,
  ): Fields {
    if (fields.id !== undefined && this.#carriesHub) {
      this.warn('id-foreign');
    } else if (fields.id !== undefined) {
      return fields;
    }
    return { ...fields, id };
  }

  #isAhead(id: Cursor): boolean {
    return (
      this.cursor !== undefined &&
      id > this.cursor &&
      id.startsWith(this.#epoch)
    );
  }

  #isSent(id: Cursor): boolean {
    return this.cursor !== undefined && id <= this.cursor;
  }

  #movedTo(id: Cursor): void {
    this.cursor = id;
    if (this.#lastWithheld !== undefined && id >= this.#lastWithheld) {
      this.#firstWithheld = this.#lastWithheld = undefined;
    } else if (this.#firstWithheld !== undefined && id >= this.#firstWithheld) {
      this.#firstWithheld = undefined;
    }
  }
}
