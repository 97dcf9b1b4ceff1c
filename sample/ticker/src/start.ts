import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import cookieParser from 'cookie-parser';
import { SiteModule } from './site/site.module.js';
import { StreamsModule } from './streams/streams.module.js';
import { sendVisitorsTo } from './streams/visitors.middleware.js';

const OPTIONS = {
  // Browsers keep spare connections open, for which closing would wait.
  forceCloseConnections: true,
} as const;

/**
 * The page and `/talk`.
 * @param streamsPort where the page finds the other streams
 */
export async function startSite(
  port: number,
  streamsPort: number,
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(
    SiteModule.for(streamsPort),
    OPTIONS,
  );
  app.use(cookieParser());
  app.useStaticAssets(join(import.meta.dirname, '../web/dist'), {
    index: false,
  });
  app.enableShutdownHooks();
  await app.listen(port);
  return app;
}

/**
 * `/clock` and `/updates`, of another origin: the same host, another port.
 * @param allowedOrigins whose pages may listen with the cookies of a visitor; the first has the page
 */
export async function startStreams(
  port: number,
  allowedOrigins: string[],
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(
    StreamsModule,
    OPTIONS,
  );
  app.use(cookieParser(), sendVisitorsTo(allowedOrigins[0]!));
  // A list: browsers refuse `*` together with credentials, and an origin that is
  // given back unchecked would let every page listen as the visitor.
  app.enableCors({ origin: allowedOrigins, credentials: true });
  app.enableShutdownHooks();
  await app.listen(port);
  return app;
}
