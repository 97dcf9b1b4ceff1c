import { Module } from '@nestjs/common';
import { NotificationsController } from './notifications.controller.js';
import { NotificationsService } from './notifications.service.js';
import { OwnTopicPolicy } from './own-topic.policy.js';

@Module({
  controllers: [NotificationsController],
  providers: [NotificationsService, OwnTopicPolicy],
})
export class NotificationsModule {}
