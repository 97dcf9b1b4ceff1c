import type { INestApplication, ModuleMetadata, Type } from '@nestjs/common';
import { Module } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { AddressInfo } from 'node:net';
import { EventHub, SseModule } from 'nestjs-sse-hub';
import type { SseModuleOptions } from 'nestjs-sse-hub';
import { setSseTestTimeout } from 'nestjs-sse-hub/testing';

/** For `describe.each`: every promise holds on both. */
export const platforms: [name: string, adapter: () => AbstractHttpAdapter][] = [
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter() as unknown as AbstractHttpAdapter],
];

export interface RunningApp {
  readonly app: INestApplication;
  readonly hub: EventHub;
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
}

export interface AppParts extends ModuleMetadata {
  readonly options?: SseModuleOptions;
  /** Called before the app listens. */
  readonly configure?: (app: any) => unknown;
  /** Instead of a free port. */
  readonly port?: number;
  /** @default true */
  readonly listens?: boolean;
}

// As long as the tests of this package may take on a busy machine.
setSseTestTimeout(30_000);

const running = new Set<INestApplication>();

/** Starts an app with `SseModule` and the given controllers on a free port. */
export async function startApp(
  adapter: () => AbstractHttpAdapter,
  { options, configure, port, listens, imports = [], ...metadata }: AppParts,
): Promise<RunningApp> {
  @Module({ imports: [SseModule.forRoot(options), ...imports], ...metadata })
  class TestModule {}
  return listen(TestModule, adapter, configure, port, listens);
}

/** Starts an app of a module on a free port. */
export async function listen(
  module: Type,
  adapter: () => AbstractHttpAdapter,
  configure?: AppParts['configure'],
  wantedPort = 0,
  listens = true,
): Promise<RunningApp> {
  const app = await NestFactory.create(module, adapter(), {
    logger: false,
    abortOnError: false,
  });
  await configure?.(app);
  await (listens ? app.listen(wantedPort, '127.0.0.1') : app.init());
  running.add(app);
  const address = app.getHttpServer().address() as AddressInfo | null;
  const port = address?.port ?? 0;
  return { app, hub: app.get(EventHub), port, url: `http://127.0.0.1:${port}` };
}

/** Closes what the tests of a file started; for `afterEach`. */
export async function closeApps(): Promise<void> {
  const apps = [...running];
  running.clear();
  await Promise.all(apps.map((app) => app.close()));
}
