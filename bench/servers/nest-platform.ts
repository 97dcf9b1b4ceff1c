import type { Server } from 'node:http';
import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

/** Serves a Nest module on the platform that the command line names. */
export async function listenOnPlatform(module: Type): Promise<Server> {
  const logger = ['error', 'warn', 'fatal'] as const;
  const options = { logger: [...logger] };
  const app: INestApplication =
    process.argv[2] === 'fastify'
      ? await NestFactory.create(module, new FastifyAdapter(), options)
      : await NestFactory.create(module, options);
  await app.listen(0, '127.0.0.1');
  return app.getHttpServer();
}
