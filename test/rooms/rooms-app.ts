import { Controller, Post, Query, UseGuards } from '@nestjs/common';
import type { Provider } from '@nestjs/common';
import {
  Connection,
  EventHub,
  HubEvent,
  MemoryLog,
  Sse,
  SseConnection,
  SseEvent,
} from 'nestjs-sse-hub';
import type { EventLog, SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import { NEVER, concat, map, of, retry, tap } from 'rxjs';
import { HeaderUserGuard } from '../support/header-user.guard.js';
import { closeApps, platforms, startApp } from '../support/running-app.js';

type Adapter = (typeof platforms)[number][1];

@SseEvent('said', { topic: 'rooms.:room' })
export class Said {
  static readonly type = 'said';

  constructor(
    readonly room: number,
    readonly text: string,
  ) {}
}

/** The connections, in the order of their requests. */
export const served: SseConnection[] = [];

/** What a test does in the handler of `tapped`. */
export const taps: { onEvent?: (event: HubEvent) => void } = {};

@UseGuards(HeaderUserGuard)
@Controller()
export class RoomsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('events')
  events(@Connection() connection: SseConnection, @Query('q') only?: string) {
    served.push(connection);
    return this.hub.stream({
      topics: ['lobby'],
      types: only === 'notes' ? ['note'] : undefined,
      where: ({ data }) => data !== 'unwanted',
      for: connection,
    });
  }

  @Sse('said')
  said(@Connection() connection: SseConnection) {
    served.push(connection);
    return this.hub.stream({
      events: [Said],
      topics: ['rooms.0'],
      for: connection,
    });
  }

  @Sse('mapped')
  mapped(@Connection() connection: SseConnection) {
    served.push(connection);
    return this.hub
      .stream({ topics: ['lobby'], for: connection })
      .pipe(map(({ topic, data }) => ({ data: `${topic}: ${data}` })));
  }

  @Sse('pattern')
  pattern(@Connection() connection: SseConnection) {
    served.push(connection);
    return this.hub.stream({ patterns: ['rooms.*'], for: connection });
  }

  @Sse('again')
  again(@Connection() connection: SseConnection) {
    served.push(connection);
    return this.hub.stream({ topics: ['lobby', 'hall'], for: connection }).pipe(
      tap(({ data }) => {
        if (data === 'fail') {
          throw new TypeError('once');
        }
      }),
      retry(1),
    );
  }

  @Sse('tapped')
  tapped(@Connection() connection: SseConnection) {
    served.push(connection);
    return this.hub
      .stream({ topics: ['lobby'], for: connection })
      .pipe(tap((event) => taps.onEvent?.(event)));
  }

  @Sse('none')
  none(@Connection() connection: SseConnection) {
    served.push(connection);
    return concat(of('no hub stream'), NEVER);
  }

  /** As a page asks for it. */
  @Post('join')
  async join(@Query('id') id: string, @Query('topic') topic: string) {
    await this.hub
      .connections()
      .find((connection) => connection.id === id)!
      .join(topic);
  }
}

type Reading = 'read' | 'readBack';

/** A log that is read page by page, each when the test says so. */
export class PagedLog extends MemoryLog {
  /** How often it was asked what it is to hold back. */
  asked = 0;
  #held: Reading | undefined;
  #waiting: (() => void)[] = [];

  override async read(
    ...args: Parameters<EventLog['read']>
  ): ReturnType<EventLog['read']> {
    await this.#opened('read');
    return super.read(...args);
  }

  override async readBack(
    ...args: Parameters<EventLog['readBack']>
  ): ReturnType<EventLog['readBack']> {
    await this.#opened('readBack');
    return super.readBack(...args);
  }

  hold(reading: Reading): void {
    this.#held = reading;
  }

  goOn(): void {
    this.#held = undefined;
    this.#waiting.splice(0).forEach((resolve) => resolve());
  }

  async #opened(reading: Reading): Promise<void> {
    if (this.#held === reading) {
      this.asked++;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

/** For `afterEach`. */
export async function leaveRooms(): Promise<void> {
  served.length = 0;
  taps.onEvent = undefined;
  await closeSseTestClients();
  await closeApps();
}

export const startRooms = (
  adapter: Adapter,
  options: SseModuleOptions = {},
  providers: Provider[] = [],
) => startApp(adapter, { controllers: [RoomsController], providers, options });

/** An app with one client, and what is said in its rooms. */
export async function enterRooms(
  adapter: Adapter,
  path = 'events',
  options: SseModuleOptions = {},
  providers: Provider[] = [],
) {
  const running = await startRooms(adapter, options, providers);
  const client = await SseTestClient.connect(running.app, `/${path}`, {
    headers: { 'x-user': '42', 'x-roles': 'member' },
  });
  await client.next('hub.checkpoint');
  const say = (topic: string, data: unknown, delivery = {}) =>
    running.hub.publish(topic, { data, ...delivery });
  const heard = async (...data: unknown[]) => {
    await client.until(() => client.events.length >= data.length);
    await client.settled();
    expect(client.data).toEqual(data);
  };
  return { ...running, client, connection: served.at(-1)!, say, heard };
}

/** The same with numbers from 1 on that the log has of `rooms.1`, and the window no more. */
export async function enterPaged(
  adapter: Adapter,
  count: number,
  options: SseModuleOptions = {},
  providers: Provider[] = [],
) {
  const log = new PagedLog();
  const entered = await enterRooms(
    adapter,
    'events',
    { log, window: { events: 2 }, ...options },
    providers,
  );
  for (let n = 1; n <= count; n++) {
    await entered.say('rooms.1', n);
  }
  log.hold('read');
  return { ...entered, log };
}
