import { join } from 'node:path';
import { Logger, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import cookieParser from 'cookie-parser';
import { AppModule } from './app.module.js';
import { readForms } from './read-forms.js';

async function bootstrap() {
  const app = await NestFactory.create<NestExpressApplication>(AppModule, {
    bodyParser: false,
    // Browsers keep spare connections open, for which closing would wait.
    forceCloseConnections: true,
  });
  // Whose word is taken for a client's address and for HTTPS: a proxy on this machine.
  app.set('trust proxy', process.env.TRUST_PROXY ?? 'loopback');
  app.use(cookieParser());
  app.useBodyParser('json', { limit: '10kb' });
  app.useBodyParser('text', {
    type: 'application/x-www-form-urlencoded',
    limit: '10kb',
  });
  app.use(readForms);
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, transform: true }));
  app.useStaticAssets(join(import.meta.dirname, '../web/dist'));
  // Ctrl+C ends the open streams cleanly instead of cutting them.
  app.enableShutdownHooks();

  const port = process.env.PORT ?? 3000;
  await app.listen(port);
  new Logger('Chat').log(`Open http://localhost:${port}`);
}
await bootstrap();
