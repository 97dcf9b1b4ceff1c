import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { EventHub } from 'nestjs-sse-hub';
import type { AppEvents } from '../app-events.js';
import type { User } from '../users/user.js';
import type { Note } from './note.js';

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

  async write(from: User, text: string): Promise<Note> {
    const note = {
      id: randomUUID(),
      from: from.name,
      text,
      at: new Date().toISOString(),
    };
    this.notes = [...this.notes, note].slice(-KEPT);
    // The policy already keeps others away from the topic. The role on the event
    // also holds where a stream without that policy would carry it.
    await this.hub.publish('newsroom', {
      type: 'note',
      data: note,
      roles: ['editor'],
    });
    return note;
  }
}
