import type { Cursor } from '../cursor.js';
import { cursorAt, epochOf } from '../cursor.js';
import type { LogBounds, LogGap, LogPage, LogPageLimit } from '../event-log.js';
import { positionOf } from './entry-row.js';
import { PageReader } from './page-reader.js';
import type { FilePage } from './page-reader.js';
import { WriterThread } from './writer-thread.js';
import type {
  HistoryState,
  OpenedHistory,
  WriterSettings,
} from './writer/messages.js';

/** What a tail finds in the file. */
export type TailPage =
  | { readonly gap: LogGap }
  | (LogPage & {
      /** Whether there is more. */
      readonly more: boolean;
    });

/** The file while it is open: the thread that writes it, and who reads it. */
export class OpenFile {
  readonly epoch: string;
  readonly #formerEpoch: string;
  readonly #reader: PageReader;
  /** As the writer has told it last. */
  state: HistoryState;

  /**
   * @param signal gives it up
   * @throws WriterFailure
   */
  static async open(
    settings: WriterSettings,
    signal: AbortSignal,
  ): Promise<OpenFile> {
    const [writer, history] = await WriterThread.start(settings, signal);
    try {
      return new OpenFile(writer, history);
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  private constructor(
    readonly writer: WriterThread,
    { file, epoch, formerEpoch, state }: OpenedHistory,
  ) {
    this.epoch = epoch;
    this.#formerEpoch = formerEpoch;
    this.state = state;
    this.#reader = new PageReader(file, epoch);
  }

  get floor(): Cursor {
    return this.#cursorAt(this.state.floor);
  }

  bounds(): LogBounds {
    const { epoch } = this;
    const { floor, head } = this.#reader.bounds();
    return { epoch, floor: this.#cursorAt(floor), head: this.#cursorAt(head) };
  }

  /** Resolves when it is the caller's turn to read, in that turn. */
  turn(): Promise<void> {
    return this.#reader.turn();
  }

  after(cursor: Cursor, limit: LogPageLimit): LogPage {
    return this.#page(
      this.#reader.after(positionOf(cursor, this.epoch), limit),
    );
  }

  before(cursor: Cursor, limit: LogPageLimit): LogPage {
    return this.#page(
      this.#reader.before(positionOf(cursor, this.epoch), limit),
    );
  }

  /** What comes after the cursor up to which a tail has everything, or what has become of that place. */
  tailPage(cursor: Cursor, limit: LogPageLimit): TailPage {
    const { epoch } = this;
    const isOurs = epochOf(cursor) === epoch;
    const isFormer = epochOf(cursor) === this.#formerEpoch;
    const position = positionOf(cursor, isOurs ? epoch : this.#formerEpoch);
    const page = this.#reader.after(position, limit);
    const { floor, head, more } = page;
    if (!isOurs || position < floor || position > head) {
      // Of a history that was not this one's, all that is retained is new.
      const parted = isOurs || isFormer ? Math.min(position, head) : floor;
      const goesOnAt = Math.max(parted, floor);
      return {
        gap: {
          epoch,
          floor: this.#cursorAt(floor),
          position: this.#cursorAt(goesOnAt),
        },
      };
    }
    return { ...this.#page(page), more };
  }

  /** Lets the writer finish and frees the file. */
  async close(): Promise<void> {
    // First, so that the writer is the last one and puts everything into the one file.
    this.#reader.close();
    await this.writer.close();
  }

  closeReader(): void {
    this.#reader.close();
  }

  #page({ entries, floor }: FilePage): LogPage {
    return { entries, floor: this.#cursorAt(floor) };
  }

  #cursorAt(position: number): Cursor {
    return cursorAt(this.epoch, position);
  }
}
