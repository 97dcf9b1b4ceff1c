import { Inject, Injectable, Optional } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { EventEmitter } from 'node:events';
import { RecentControlEntries } from './recent-control-entries.js';

type MarkedRequest = Record<symbol, number | undefined>;

/**
 * Marks every request, before any middleware or guard sees it, with how many of the hub's
 * own entries this node had met. So a revocation also reaches a connection that is made
 * after it, of a request that was let through before it.
 */
@Injectable()
export class RequestArrivals implements OnModuleInit {
  /** Of its own, because the server may serve another application too. */
  readonly #mark = Symbol('sse-arrival');

  constructor(
    @Inject(RecentControlEntries) private readonly recent: RecentControlEntries,
    @Optional()
    @Inject(HttpAdapterHost)
    private readonly host?: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    // Without HTTP (workers, microservices) there is no adapter, or one without a server.
    const server = this.host?.httpAdapter?.getHttpServer() as
      EventEmitter | undefined;
    server?.prependListener?.('request', (request: MarkedRequest) => {
      request[this.#mark] = this.recent.count;
    });
  }

  /**
   * The mark of a request of `node:http` or `node:http2`. One that came by another way, as
   * Fastify's `inject`, counts as arriving now.
   */
  of(request: object): number {
    return (request as MarkedRequest)[this.#mark] ?? this.recent.count;
  }
}
