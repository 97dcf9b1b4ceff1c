import { Controller, Global, Injectable, Module } from '@nestjs/common';
import type { DynamicModule, ModuleMetadata } from '@nestjs/common';
import {
  Connection,
  EventHub,
  InvalidOptionException,
  MemoryLog,
  Sse,
  SseConnection,
  SseModule,
} from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { SseTestClient, closeSseTestClients } from 'nestjs-sse-hub/testing';
import {
  closeApps,
  listen,
  platforms,
  startApp,
} from './support/running-app.js';
import type { RunningApp } from './support/running-app.js';

@Controller()
class NewsController {
  constructor(private readonly hub: EventHub) {}

  @Sse('news')
  news(@Connection() connection: SseConnection) {
    return this.hub.stream({ topics: ['news'], for: connection });
  }
}

@Module({ controllers: [NewsController] })
class NewsModule {}

@Injectable()
class Settings implements SseModuleOptions {
  readonly retry = 7_000;

  createSseOptions(): SseModuleOptions {
    return { retry: this.retry };
  }
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

/** An app of `SseModule` as it was configured, and a module that streams. */
function appModule(
  sse: DynamicModule,
  imports: ModuleMetadata['imports'] = [],
) {
  @Module({ imports: [sse, NewsModule, ...imports] })
  class AppModule {}
  return AppModule;
}

afterEach(async () => {
  await closeSseTestClients();
  await closeApps();
});

describe.each(platforms)('SseModule on %s', (_, adapter) => {
  async function expectStream({ app, hub }: RunningApp): Promise<number> {
    const client = await SseTestClient.connect(app, '/news');
    await client.next('hub.checkpoint');
    await hub.publish('news', { type: 'headline', data: { text: 'rain' } });
    expect(await client.next()).toMatchObject({
      type: 'headline',
      data: { text: 'rain' },
    });
    return client.retry!;
  }

  it('needs no options', async () => {
    await expectStream(await listen(appModule(SseModule.forRoot()), adapter));
  });

  it('is global: feature modules inject EventHub without an import', async () => {
    const running = await listen(appModule(SseModule.forRoot({})), adapter);
    expect(running.app.select(NewsModule).get(NewsController)).toBeInstanceOf(
      NewsController,
    );
    await expectStream(running);
  });

  it('takes its options from a factory, with what the factory imports and injects', async () => {
    const sse = SseModule.forRootAsync({
      imports: [SettingsModule],
      inject: [Settings],
      useFactory: async (settings: Settings) =>
        Promise.resolve({ retry: settings.retry }),
    });
    const retry = await expectStream(await listen(appModule(sse), adapter));
    expect(retry).toBeGreaterThanOrEqual(7_000);
    expect(retry).toBeLessThanOrEqual(10_500);
  });

  it('takes its options from a class', async () => {
    const sse = SseModule.forRootAsync({ useClass: Settings });
    expect(
      await expectStream(await listen(appModule(sse), adapter)),
    ).toBeGreaterThanOrEqual(7_000);
  });

  it('takes its options from a provider that exists', async () => {
    const sse = SseModule.forRootAsync({
      imports: [SettingsModule],
      useExisting: Settings,
    });
    expect(
      await expectStream(await listen(appModule(sse), adapter)),
    ).toBeGreaterThanOrEqual(7_000);
  });

  it('refuses at start what an asynchronous factory gives, if it is out of range', async () => {
    const sse = SseModule.forRootAsync({ useFactory: () => ({ retry: -1 }) });
    await expect(listen(appModule(sse), adapter)).rejects.toThrow(
      /option "retry" is -1/,
    );
  });

  it('refuses to start without SseModule, naming the import to add', async () => {
    @Controller()
    class LonelyController {
      @Sse('lonely')
      lonely() {
        return [];
      }
    }
    @Module({ controllers: [LonelyController] })
    class LonelyModule {}

    await expect(listen(LonelyModule, adapter)).rejects.toThrow(
      /SseModule is not imported\. Add SseModule\.forRoot\(\) to the imports/,
    );
  });

  it('refuses to start when it is imported without forRoot, which it names', async () => {
    @Module({ imports: [SseModule, NewsModule] })
    class BareModule {}
    const refusal = listen(BareModule, adapter);
    await expect(refusal).rejects.toThrow(InvalidOptionException);
    await expect(refusal).rejects.toThrow(/Use SseModule\.forRoot\(\)/);

    @Module({ imports: [SseModule] })
    class FeatureModule {}
    await expect(
      startApp(adapter, { imports: [FeatureModule] }),
    ).rejects.toThrow(/it is global, so other modules do not import it/);
  });

  it('says what to return when an asynchronous factory gives no options', async () => {
    const sse = SseModule.forRootAsync({
      useFactory: () => undefined as never,
    });
    await expect(listen(appModule(sse), adapter)).rejects.toThrow(
      /return the options from the factory/,
    );
  });

  it('refuses to start when it is imported twice: hub.disconnect of one would not reach the other', async () => {
    @Module({ imports: [SseModule.forRoot()] })
    class FeatureModule {}
    await expect(
      startApp(adapter, {
        imports: [FeatureModule],
        controllers: [NewsController],
        options: { heartbeat: 20_000 },
      }),
    ).rejects.toThrow(/SseModule is imported more than once/);
  });

  it('shares nothing between two apps of one process', async () => {
    const [one, other] = await Promise.all([
      startApp(adapter, { controllers: [NewsController] }),
      startApp(adapter, { controllers: [NewsController] }),
    ]);
    const ofOne = await SseTestClient.connect(one.app, '/news');
    const ofOther = await SseTestClient.connect(other.app, '/news');
    await one.hub.publish('news', { data: 'for the one' });
    await other.hub.publish('news', { data: 'for the other' });
    expect((await ofOne.next()).data).toBe('for the one');
    expect((await ofOther.next()).data).toBe('for the other');
    expect(one.hub.connections()).toHaveLength(1);
    await one.app.close();
    expect((await ofOne.untilClosed()).clean).toBe(true);
    await other.hub.publish('news', { data: 'still there' });
    expect((await ofOther.next()).data).toBe('still there');
  });

  it('serves what a log already holds', async () => {
    const log = new MemoryLog();
    const { epoch } = await log.open();
    await log.append([
      { topic: 'news', type: 'message', data: '"early"', time: Date.now() },
    ]);
    const { app } = await startApp(adapter, {
      controllers: [NewsController],
      options: { log },
    });
    const { floor } = await log.bounds();
    const client = await SseTestClient.connect(
      app,
      `/news?lastEventId=${floor}`,
    );
    const early = await client.next();
    expect(early.data).toBe('early');
    expect(early.id).toMatch(new RegExp(`^${epoch}-`));
  });
});

describe('SseModule.forRoot', () => {
  const refused: [why: string, options: object, message: RegExp][] = [
    [
      'an unknown option',
      { hartbeat: 1_000 },
      /unknown option "hartbeat".*heartbeat/,
    ],
    [
      'an unknown nested option',
      { slowClient: { max: 1 } },
      /unknown option "max".*maxPendingBytes/,
    ],
    [
      'a negative number',
      { retry: -5 },
      /"retry" is -5; it must be a number from 0 to/,
    ],
    [
      'NaN',
      { heartbeat: NaN },
      /"heartbeat" is NaN; it must be a number from 100 to/,
    ],
    [
      'an infinite number',
      { closeGrace: Infinity },
      /"closeGrace" is Infinity; .* from 0 to/,
    ],
    [
      'a duration that a timer cannot hold',
      { heartbeat: 2 ** 31 },
      /"heartbeat" is 2147483648/,
    ],
    [
      'text for a number',
      { retry: '3s' },
      /"retry" is "3s"; it must be a number/,
    ],
    [
      'a fraction of a byte',
      { window: { bytes: 1.5 } },
      /"bytes" is 1\.5; it must be an integer/,
    ],
    [
      'no object where one belongs',
      { slowClient: 5 },
      /slowClient: the options are 5/,
    ],
    [
      'what is not a function',
      { user: 'me' },
      /"user" is "me"; it must be a function/,
    ],
    [
      'what is not a log',
      { log: {} },
      /"log" is an object \(Object\); it must be an EventLog/,
    ],
    [
      'a window smaller than one event may be',
      { window: { bytes: 10_000 }, slowClient: { maxPendingBytes: 20_000 } },
      /"window\.bytes" is 10000, less than "slowClient\.maxPendingBytes" \(20000\)/,
    ],
  ];

  it.each(refused)('refuses at start %s', async (_, options, message) => {
    const start = listen(
      appModule(SseModule.forRoot(options)),
      platforms[0]![1],
    );
    await expect(start).rejects.toThrow(InvalidOptionException);
    await expect(start).rejects.toThrow(message);
  });

  it('takes an option that is undefined as one left out', async () => {
    const { hub } = await listen(
      appModule(SseModule.forRoot({ retry: undefined, slowClient: undefined })),
      platforms[0]![1],
    );
    await expect(hub.publish('news', { data: 1 })).resolves.toMatchObject({
      topic: 'news',
    });
  });

  it('can be imported beside a global module of the app that re-exports it', async () => {
    @Global()
    @Module({ imports: [SseModule.forRoot()], exports: [SseModule] })
    class CoreModule {}
    @Module({ imports: [CoreModule, NewsModule] })
    class AppModule {}
    const { hub } = await listen(AppModule, platforms[0]![1]);
    await expect(hub.publish('news', { data: 1 })).resolves.toMatchObject({
      topic: 'news',
    });
  });
});
