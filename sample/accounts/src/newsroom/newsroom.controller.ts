import {
  Body,
  Controller,
  Get,
  type MessageEvent,
  Post,
  UseGuards,
} from '@nestjs/common';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import { type Observable, defer, map, merge, startWith } from 'rxjs';
import { NeedsRole } from '../authorization/needs-role.decorator.js';
import { RoleGuard } from '../authorization/role.guard.js';
import { CurrentUser } from '../sessions/current-user.decorator.js';
import { SignedInGuard } from '../sessions/signed-in.guard.js';
import type { SignedInUser } from '../users/user.js';
import { Users } from '../users/users.js';
import { NewsroomService } from './newsroom.service.js';
import { WriteNoteDto } from './write-note.dto.js';

@Controller('newsroom')
@UseGuards(SignedInGuard, RoleGuard)
export class NewsroomController {
  constructor(
    private readonly hub: EventHub,
    private readonly newsroom: NewsroomService,
    private readonly users: Users,
  ) {}

  /** No role is asked for here: `NewsroomPolicy` stands before the topic itself. */
  @Sse('events')
  events(@Connection() connection: SseConnection): Observable<MessageEvent> {
    const notes = this.hub.stream({ topics: ['newsroom'], for: connection });
    return merge(notes, this.present());
  }

  @Get()
  @NeedsRole('editor')
  all() {
    return this.newsroom.all();
  }

  @Post()
  @NeedsRole('editor')
  write(@CurrentUser() user: SignedInUser, @Body() note: WriteNoteDto) {
    return this.newsroom.write(user, note);
  }

  /** Who is in the newsroom, now and whenever that changes. */
  private present(): Observable<MessageEvent> {
    return defer(() =>
      this.hub.presence$('newsroom').pipe(
        startWith(undefined),
        map(() => ({ type: 'present', data: { names: this.names() } })),
      ),
    );
  }

  private names(): string[] {
    const { users } = this.hub.presence('newsroom');
    return users.map((id) => this.users.find(id)?.name ?? id);
  }
}
