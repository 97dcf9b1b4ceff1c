import { Module } from '@nestjs/common';
import { Sessions } from './sessions.js';

/** Apart from the rest, because `SseModule` asks it and the rest asks the hub. */
@Module({ providers: [Sessions], exports: [Sessions] })
export class SessionStoreModule {}
