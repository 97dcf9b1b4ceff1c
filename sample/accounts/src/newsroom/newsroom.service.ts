import { randomUUID } from 'node:crypto';
import { Injectable, UnprocessableEntityException } from '@nestjs/common';
import { EventHub } from 'nestjs-sse-hub';
import type { AppEvents } from '../app-events.js';
import type { User } from '../users/user.js';
import type { Note } from './note.js';
import type { WriteNoteDto } from './write-note.dto.js';

const KEPT = 50;

@Injectable()
export class NewsroomService {
  /** The newest last. */
  private notes: readonly Note[] = [];

  constructor(private readonly hub: EventHub<AppEvents>) {}

  /** The notes, and the cursor from which the stream continues. */
  all() {
    return this.hub.snapshot(() => this.notes);
  }

  /** A note that is sent again with its id is there once, and told once. */
  async write(from: User, { text, id }: WriteNoteDto): Promise<Note> {
    const note = this.keep({
      id: `${from.id}/${id ?? randomUUID()}`,
      from: from.name,
      text,
      at: new Date().toISOString(),
    });
    if (note.text !== text) {
      throw new UnprocessableEntityException(
        'This id was used for another note',
      );
    }
    // The policy already keeps others away from the topic. The role on the event
    // also holds where a stream without that policy would carry it.
    await this.hub.publish('newsroom', {
      type: 'note',
      data: note,
      roles: ['editor'],
      idempotencyKey: note.id,
    });
    return note;
  }

  private keep(note: Note): Note {
    const kept = this.notes.find(({ id }) => id === note.id);
    if (kept) {
      return kept;
    }
    this.notes = [...this.notes, note].slice(-KEPT);
    return note;
  }
}
