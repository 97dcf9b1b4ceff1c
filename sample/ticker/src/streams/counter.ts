import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { EventHub } from 'nestjs-sse-hub';

/** Counts the seconds, once for everybody. */
@Injectable()
export class Counter implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(Counter.name);
  private count = 0;
  private timer?: NodeJS.Timeout;

  constructor(private readonly hub: EventHub) {}

  onModuleInit(): void {
    this.timer = setInterval(() => this.tick(), 1_000);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    this.hub
      .publish('counter', { type: 'shared', data: ++this.count })
      // Nobody awaits it, and a rejection that nobody handles ends the process.
      .catch((error: Error) =>
        this.logger.warn(`Not counted: ${error.message}`),
      );
  }
}
