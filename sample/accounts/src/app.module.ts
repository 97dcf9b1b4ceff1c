import {
  type MiddlewareConsumer,
  Module,
  type NestModule,
} from '@nestjs/common';
import { SseModule } from 'nestjs-sse-hub';
import { AdminModule } from './admin/admin.module.js';
import { CrossSiteMiddleware } from './authorization/cross-site.middleware.js';
import { eventLogFor } from './event-log.js';
import { NewsroomModule } from './newsroom/newsroom.module.js';
import { NotificationsModule } from './notifications/notifications.module.js';
import { SessionStoreModule } from './sessions/session-store.module.js';
import { Sessions } from './sessions/sessions.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { Users } from './users/users.js';
import { UsersModule } from './users/users.module.js';

@Module({
  imports: [
    SseModule.forRootAsync({
      imports: [UsersModule, SessionStoreModule],
      inject: [Users, Sessions],
      useFactory: (users: Users, sessions: Sessions) => ({
        log: eventLogFor(process.env.LOG),
        // A topic that no policy knows is refused, not open to everybody.
        unlistedTopics: 'deny' as const,
        // For `hub.refresh()`: the user with the roles as they are now. The lease of a stream
        // stays, as only its token knows when the session ends.
        loadUser: (id: string) => users.find(id),
        // A second line: streams are told at once when their user's sessions end.
        revalidate: ({ user }) => sessions.hasAny(user.id),
      }),
    }),
    SessionsModule,
    NotificationsModule,
    NewsroomModule,
    AdminModule,
  ],
})
export class AppModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(CrossSiteMiddleware).forRoutes('{*path}');
  }
}
