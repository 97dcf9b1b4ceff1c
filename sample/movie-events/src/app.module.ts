import { Module } from '@nestjs/common';
import { SseModule } from 'nestjs-sse-hub';
import { MoviesModule } from './movies/movies.module.js';
import { UsersModule } from './users/users.module.js';

@Module({
  imports: [SseModule.forRoot(), MoviesModule, UsersModule],
})
export class AppModule {}
