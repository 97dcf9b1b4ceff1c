import { Injectable, Module } from '@nestjs/common';
import type {
  INestApplicationContext,
  OnModuleDestroy,
  OnModuleInit,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  EventHub,
  HubEvent,
  LogUnavailableException,
  SseModule,
} from 'nestjs-sse-hub';
import { firstValueFrom, lastValueFrom, take, toArray } from 'rxjs';

/** A worker, as an application without HTTP has it. */
@Injectable()
class Worker implements OnModuleInit, OnModuleDestroy {
  started: HubEvent | undefined;
  stopped: HubEvent | undefined;

  constructor(private readonly hub: EventHub) {}

  async onModuleInit(): Promise<void> {
    this.started = await this.hub.publish('worker', {
      type: 'started',
      data: 1,
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = await this.hub.publish('worker', {
      type: 'stopped',
      data: 1,
    });
  }
}

@Module({ imports: [SseModule.forRoot()], providers: [Worker] })
class WorkerModule {}

describe('The hub without HTTP', () => {
  let app: INestApplicationContext;
  let hub: EventHub;

  beforeEach(async () => {
    app = await NestFactory.createApplicationContext(WorkerModule, {
      logger: false,
      abortOnError: false,
    });
    hub = app.get(EventHub);
  });

  afterEach(() => app.close());

  it('publishes, and what it publishes has an id, a topic and a time', async () => {
    const event = await hub.publish('jobs', {
      type: 'job.done',
      data: { id: 1 },
    });
    expect(event).toBeInstanceOf(HubEvent);
    expect(event.id).toMatch(/^[0-9a-z]+-[0-9a-z-]+$/);
    expect(event).toMatchObject({
      topic: 'jobs',
      type: 'job.done',
      data: { id: 1 },
    });
    expect(event.time.getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('publishes from onModuleInit on, and until onModuleDestroy', async () => {
    const worker = app.get(Worker);
    expect(worker.started).toBeInstanceOf(HubEvent);
    await app.close();
    expect(worker.stopped).toBeInstanceOf(HubEvent);
    expect(worker.stopped!.id! > worker.started!.id!).toBe(true);
  });

  it('listens, in the order of the log, to topics, patterns and types', async () => {
    const heard = lastValueFrom(
      hub
        .listen({
          topics: ['jobs'],
          patterns: ['jobs.**'],
          types: ['done', 'failed'],
        })
        .pipe(take(3), toArray()),
    );
    await hub.publish('jobs.mail', { type: 'started', data: 0 });
    await hub.publish('jobs.mail', { type: 'done', data: 1 });
    await hub.publish('other', { type: 'done', data: 2 });
    await hub.publish('jobs', { type: 'failed', data: 3 });
    await hub.publish('jobs.mail.late', { type: 'done', data: 4 });
    expect((await heard).map(({ data }) => data as number)).toEqual([1, 3, 4]);
  });

  it('keeps events with an audience from listen(), unless it says audience: all', async () => {
    const everyone = firstValueFrom(hub.listen({ topics: ['jobs'] }));
    const all = lastValueFrom(
      hub
        .listen({ topics: ['jobs'], audience: 'all' })
        .pipe(take(3), toArray()),
    );
    await hub.publish('jobs', { data: 'for 1', users: [1] });
    await hub.publish('jobs', { data: 'for admins', roles: ['admin'] });
    await hub.publish('jobs', { data: 'for everyone' });
    expect((await everyone).data).toBe('for everyone');
    expect((await all).map(({ data }) => data as string)).toEqual([
      'for 1',
      'for admins',
      'for everyone',
    ]);
  });

  it('gives snapshots whose cursor is taken before the data is loaded', async () => {
    const before = await hub.publish('jobs', { data: 1 });
    await firstValueFromHead(before);
    const { data, cursor } = await hub.snapshot(async () => {
      await hub.publish('jobs', { data: 2 });
      return ['loaded'];
    });
    expect(data).toEqual(['loaded']);
    expect(cursor).toBe(before.id);
  });

  /** Waits until this node has dispatched an event. */
  async function firstValueFromHead(event: HubEvent): Promise<void> {
    while ((await hub.head()) < event.id!) {
      await new Promise((done) => setImmediate(done));
    }
  }

  it('has no connections', () => {
    expect(hub.connections()).toEqual([]);
  });

  it('completes what listens when it closes, and refuses to publish from then on', async () => {
    const heard = lastValueFrom(
      hub.listen({ patterns: ['**'] }).pipe(toArray()),
    );
    await app.close();
    expect((await heard).map(({ type }) => type)).toEqual(['stopped']);
    await expect(hub.publish('jobs', { data: 1 })).rejects.toThrow(
      LogUnavailableException,
    );
  });

  it('may be closed twice', async () => {
    await app.close();
    await expect(app.close()).resolves.toBeUndefined();
  });
});
