import { Module } from '@nestjs/common';
import { AdminController } from './admin.controller.js';
import { AdminPolicy } from './admin.policy.js';
import { AdminService } from './admin.service.js';
import { OverviewService } from './overview.service.js';

@Module({
  controllers: [AdminController],
  providers: [AdminPolicy, AdminService, OverviewService],
})
export class AdminModule {}
