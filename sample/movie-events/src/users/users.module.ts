import { Module } from '@nestjs/common';
import { MoviesModule } from '../movies/movies.module.js';
import { SignInController } from './sign-in.controller.js';
import { UsersController } from './users.controller.js';

@Module({
  imports: [MoviesModule],
  controllers: [SignInController, UsersController],
})
export class UsersModule {}
