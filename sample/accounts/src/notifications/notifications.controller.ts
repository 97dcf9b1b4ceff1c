import {
  Body,
  Controller,
  ForbiddenException,
  Get,
  Param,
  Post,
  UseGuards,
} from '@nestjs/common';
import {
  Connection,
  EventHub,
  Sse,
  SseConnection,
  topic,
} from 'nestjs-sse-hub';
import { CurrentUser } from '../sessions/current-user.decorator.js';
import { SignedInGuard } from '../sessions/signed-in.guard.js';
import type { SignedInUser } from '../users/user.js';
import { NotificationsService } from './notifications.service.js';
import { SendNotificationDto } from './send-notification.dto.js';

// The user is in the path although the cookie says it, too: a page whose browser
// has signed in as somebody else meanwhile gets 403, not somebody else's events.
@Controller('users/:id')
@UseGuards(SignedInGuard)
export class NotificationsController {
  constructor(
    private readonly hub: EventHub,
    private readonly notifications: NotificationsService,
  ) {}

  /** Everything that is for one user alone, as `OwnTopicPolicy` sees to. */
  @Sse('events')
  events(@Connection() connection: SseConnection, @Param('id') id: string) {
    return this.hub.stream({ topics: [topic('users', id)], for: connection });
  }

  @Get('notifications')
  own(@CurrentUser() user: SignedInUser, @Param('id') id: string) {
    if (id !== user.id) {
      throw new ForbiddenException('These are not yours');
    }
    return this.notifications.of(id);
  }

  @Post('notifications')
  send(
    @CurrentUser() user: SignedInUser,
    @Param('id') to: string,
    @Body() notification: SendNotificationDto,
  ) {
    return this.notifications.send(user, to, notification);
  }
}
