import { Module } from '@nestjs/common';
import { MoviesController } from './movies.controller.js';
import { MoviesRepository } from './movies.repository.js';
import { MoviesService } from './movies.service.js';
import { Watchers } from './watchers.js';

@Module({
  controllers: [MoviesController],
  providers: [MoviesRepository, MoviesService, Watchers],
  exports: [MoviesService],
})
export class MoviesModule {}
