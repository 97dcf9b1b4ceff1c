import { Module } from '@nestjs/common';
import { NewsroomController } from './newsroom.controller.js';
import { NewsroomPolicy } from './newsroom.policy.js';
import { NewsroomService } from './newsroom.service.js';

@Module({
  controllers: [NewsroomController],
  providers: [NewsroomPolicy, NewsroomService],
})
export class NewsroomModule {}
