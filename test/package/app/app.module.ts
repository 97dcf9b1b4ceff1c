import { Module } from '@nestjs/common';
import { SseModule } from 'nestjs-sse-hub';
import { MoviesController } from './movies.controller.js';

@Module({ imports: [SseModule.forRoot()], controllers: [MoviesController] })
export class AppModule {}
