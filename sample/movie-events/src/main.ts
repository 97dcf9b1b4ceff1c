import { join } from 'node:path';
import { Logger, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import cookieParser from 'cookie-parser';
import { AppModule } from './app.module.js';

async function bootstrap() {
  const app = await NestFactory.create<NestExpressApplication>(AppModule, {
    bodyParser: false,
    // Browsers keep spare connections open, for which closing would wait.
    forceCloseConnections: true,
  });
  // The largest valid movie is under 1 kB; anything far above it answers 413.
  app.useBodyParser('json', { limit: '10kb' });
  // Anybody may sign in as anybody in this demo, so this secret protects
  // nothing. Yours comes from the environment only.
  app.use(cookieParser(process.env.COOKIE_SECRET ?? 'demo-only'));
  app.useGlobalPipes(
    new ValidationPipe({
      whitelist: true,
      forbidNonWhitelisted: true,
      transform: true,
      // One message a field, which is what a form wants to show.
      errorFormat: 'grouped',
      stopAtFirstError: true,
    }),
  );
  app.useStaticAssets(join(import.meta.dirname, '../web/dist'));
  // Ctrl+C ends the open streams cleanly instead of cutting them.
  app.enableShutdownHooks();

  const port = process.env.PORT ?? 3000;
  await app.listen(port);
  new Logger('MovieEvents').log(`Open http://localhost:${port}`);
}
await bootstrap();
