import type { INestApplication } from '@nestjs/common';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Connections } from '../../connection/connections.js';
import type { SseConnection } from '../../connection/sse-connection.js';
import { encodeFrame } from '../../connection/frame.js';
import { EventHub } from '../../hub/event-hub.js';
import { findPart } from '../app-parts.js';
import { SseTestException } from './sse-test.exceptions.js';

/** Where a client connects to. */
export interface Origin {
  readonly protocol: 'http:' | 'https:';
  readonly host: string;
  readonly port: number;
}

const starting = new WeakMap<INestApplication, Promise<unknown>>();

/** A Nest application in this process, and what a client may ask of it behind HTTP. */
export class AppUnderTest {
  constructor(readonly app: INestApplication) {}

  /** Where it listens; if it does not yet, it does now, on a free port of the loopback. */
  async origin(): Promise<Origin> {
    const server = this.app.getHttpServer() as Server;
    if (!server.listening) {
      let start = starting.get(this.app);
      if (start === undefined) {
        start = this.app.listen(0, '127.0.0.1');
        starting.set(this.app, start);
      }
      await start;
    }
    const address = server.address() as AddressInfo | string | null;
    if (address === null || typeof address === 'string') {
      throw new SseTestException(
        `The app listens on ${address ?? 'nothing'}, not on a port. Let SseTestClient.connect start it, or call app.listen(0).`,
      );
    }
    const { port } = address;
    const isWildcard =
      address.address === '::' || address.address === '0.0.0.0';
    return {
      protocol: 'setSecureContext' in server ? 'https:' : 'http:',
      host: isWildcard ? 'localhost' : address.address,
      port,
    };
  }

  /** The connection behind a client's port; `undefined` for a response that is no stream of ours. */
  connectionOf(port: number | undefined): SseConnection | undefined {
    return findPart(this.app, Connections)
      ?.all()
      .find(({ response }) => response.clientPort === port);
  }

  /**
   * Sends a comment behind all that was published before, once that was dispatched and the
   * connection's stream has handed it on.
   *
   * @returns whether it was sent; not if the stream ended before
   */
  async sendBehind(
    connection: SseConnection,
    comment: string,
  ): Promise<boolean> {
    await findPart(this.app, EventHub)?.settled();
    while (!connection.isUpToDate) {
      if (connection.response.ended) {
        return false;
      }
      await nextTurn();
    }
    // What an asynchronous handler makes of the newest event, it makes of it now.
    await nextTurn();
    connection.send(encodeFrame({ comment }));
    return !connection.response.ended;
  }
}
