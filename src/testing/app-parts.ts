import type { INestApplicationContext } from '@nestjs/common';
import { SseTestException } from './client/sse-test.exceptions.js';

type PartType<Part> = abstract new (...args: any) => Part;

/** A provider of `SseModule`; `undefined` in an application without it. */
export function findPart<Part>(
  app: INestApplicationContext,
  type: PartType<Part>,
): Part | undefined {
  try {
    return app.get<Part>(type, { strict: false });
  } catch {
    return undefined;
  }
}

/** @throws SseTestException in an application without `SseModule` */
export function partOf<Part>(
  app: INestApplicationContext,
  type: PartType<Part>,
): Part {
  const part = findPart(app, type);
  if (part === undefined) {
    throw new SseTestException(
      'The application has no SseModule. Add SseModule.forRoot() to the imports of its root module.',
    );
  }
  return part;
}
