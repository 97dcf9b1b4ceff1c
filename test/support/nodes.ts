import { Controller, Query, UseGuards } from '@nestjs/common';
import type { MessageEvent } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { Connection, EventHub, Sse, SseConnection } from 'nestjs-sse-hub';
import type { SseTestClient, SseTestEvent } from 'nestjs-sse-hub/testing';
import { Observable, Subject, merge, startWith, switchMap } from 'rxjs';
import { eventually } from './eventually.js';
import { HeaderUserGuard } from './header-user.guard.js';
import { startApp } from './running-app.js';
import type { AppParts, RunningApp } from './running-app.js';
import type { SharedHistory, SharedLog } from './shared-log.js';

/** Replaces the streams of `/replaced` by others of the same. */
export const replacements = new Subject<void>();

/** Streams of the topic `numbers`, as the tests of many nodes need them. */
@UseGuards(HeaderUserGuard)
@Controller()
export class NumbersController {
  constructor(private readonly hub: EventHub) {}

  @Sse('plain')
  plain(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['numbers'], for: connection });
  }

  @Sse('of-another-topic')
  other(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['another'], for: connection });
  }

  /** Its stream is replaced when the test says so. */
  @Sse('replaced')
  replaced(@Connection() connection: SseConnection) {
    return replacements.pipe(
      startWith(undefined),
      switchMap(() => this.plain(connection)),
    );
  }

  @Sse('even')
  even(@Connection() connection: SseConnection) {
    return this.hub.stream({
      topics: ['numbers'],
      where: ({ data }) => data.n % 2 === 0,
      for: connection,
    });
  }

  @Sse('rewind')
  rewind(
    @Query('count') count: string,
    @Connection() connection: SseConnection,
  ) {
    const rewind = count === 'all' ? count : Number(count);
    return this.hub.stream({ topics: ['numbers'], rewind, for: connection });
  }

  /** With a message of its own that has an id. */
  @Sse('merged')
  merged(
    @Query('count') count: string,
    @Connection() connection: SseConnection,
  ) {
    const own = new Observable<MessageEvent>((subscriber) => {
      setImmediate(() => subscriber.next({ id: 'own-1', data: '"own"' }));
    });
    return merge(this.rewind(count, connection), own);
  }

  @Sse('since')
  since(@Query('time') time: string, @Connection() connection: SseConnection) {
    const rewind = { since: new Date(Number(time)) };
    return this.hub.stream({ topics: ['numbers'], rewind, for: connection });
  }
}

/** An app that runs over a shared history. */
export interface Node extends RunningApp {
  readonly log: SharedLog;
}

/** Starts a node whose streams are those of `NumbersController`. */
export async function startNode(
  adapter: () => AbstractHttpAdapter,
  history: SharedHistory,
  { options, controllers = [], ...parts }: AppParts = {},
  log = history.node(),
): Promise<Node> {
  const running = await startApp(adapter, {
    ...parts,
    controllers: [NumbersController, ...controllers],
    options: { ...options, log },
  });
  return { ...running, log };
}

/** Publishes numbers, and gives their ids when the node itself has met them. */
export async function publishNumbers(
  { hub }: Pick<RunningApp, 'hub'>,
  from: number,
  to: number,
): Promise<string[]> {
  const ids: string[] = [];
  for (let n = from; n <= to; n++) {
    ids.push((await hub.publish('numbers', { data: { n } })).id!);
  }
  await eventually(() => hub.health().position! >= ids.at(-1)!);
  return ids;
}

/** All numbers from one to another. */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** The numbers that a client's app has seen. */
export const numbersOf = (client: SseTestClient): number[] =>
  client.data.map(({ n }) => n as number);

/** Waits until a client has seen a number. */
export const untilNumber = (client: SseTestClient, n: number): Promise<void> =>
  client.until(() => numbersOf(client).includes(n));

/** What a client was told of gaps. */
export const resetsOf = ({
  resets,
}: SseTestClient): { reason: string; cursor: string | null }[] => [...resets];

/** Ids in the order in which they came; a reset may begin another history. */
export const idsOf = (events: readonly SseTestEvent[]): string[] =>
  events.flatMap(({ id }) => (id === undefined ? [] : [id]));
