import { Module } from '@nestjs/common';
import { Database } from './database.js';
import { MoviesController } from './movies.controller.js';
import { MoviesRepository } from './movies.repository.js';
import { MoviesService } from './movies.service.js';
import { OutboxService } from './outbox.service.js';
import { Watchers } from './watchers.js';

@Module({
  controllers: [MoviesController],
  providers: [
    Database,
    MoviesRepository,
    MoviesService,
    OutboxService,
    Watchers,
  ],
  exports: [MoviesService],
})
export class MoviesModule {}
