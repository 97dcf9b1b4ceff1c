// One node: a small Nest application over the built package.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { MemoryLog, SseModule } from 'nestjs-sse-hub';
import type { EventLog } from 'nestjs-sse-hub';
import { LoadController } from './load.controller.js';
import type { NodeConfig } from './messages.js';

const config = JSON.parse(process.argv[2]!) as NodeConfig;

// A node never outlives the run, however that ends.
process.on('disconnect', () => process.exit());

async function openLog(): Promise<EventLog> {
  const { log, timeout, maxEvents } = config;
  // Enough that nothing goes by itself while a client is away.
  const maxBytes = 1024 ** 3;
  switch (log.kind) {
    case 'redis': {
      const { RedisLog } = await import('nestjs-sse-hub/redis');
      return new RedisLog({ url: log.url, timeout, maxEvents, maxBytes });
    }
    case 'sqlite': {
      const { SqliteLog } = await import('nestjs-sse-hub/sqlite');
      return new SqliteLog({ file: log.file, maxEvents, maxBytes });
    }
    case 'memory':
      return new MemoryLog({ maxEvents, maxBytes });
  }
}

const { heartbeat, retry, stallTimeout } = config;

@Module({
  imports: [
    SseModule.forRoot({
      log: await openLog(),
      heartbeat,
      retry,
      slowClient: { stallTimeout },
      // Small, so that who comes back soon is served from it, and who comes back later from the log.
      window: { events: 256 },
    }),
  ],
  controllers: [LoadController],
})
class NodeModule {}

const logger = ['error', 'warn', 'fatal'] as const;
const options = { logger: [...logger] };
const app =
  config.platform === 'fastify'
    ? await NestFactory.create(NodeModule, new FastifyAdapter(), options)
    : await NestFactory.create(NodeModule, options);
app.enableShutdownHooks();
// A publisher that has paused must not meet a connection that is just being closed.
app.getHttpServer().keepAliveTimeout = 300_000;
await app.listen(config.port, '127.0.0.1');
process.send!('listening');
