import { Module } from '@nestjs/common';
import { SseModule } from 'nestjs-sse-hub';
import { eventLogFor } from './event-log.js';
import { HealthController } from './health.controller.js';
import { MoviesModule } from './movies/movies.module.js';
import { UsersModule } from './users/users.module.js';

@Module({
  imports: [
    SseModule.forRoot({ log: eventLogFor(process.env.LOG) }),
    MoviesModule,
    UsersModule,
  ],
  controllers: [HealthController],
})
export class AppModule {}
