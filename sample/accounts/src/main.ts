import { join } from 'node:path';
import { Logger, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import cookieParser from 'cookie-parser';
import helmet from 'helmet';
import { AppModule } from './app.module.js';

async function bootstrap() {
  const app = await NestFactory.create<NestExpressApplication>(AppModule, {
    bodyParser: false,
    // Browsers keep spare connections open, for which closing would wait.
    forceCloseConnections: true,
  });
  // Whose word is taken for a client's address and for HTTPS: a proxy on this
  // machine. Without this the cookie would never be Secure behind one.
  app.set('trust proxy', process.env.TRUST_PROXY ?? 'loopback');
  app.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          scriptSrc: ["'self'"],
          styleSrc: ["'self'"],
          imgSrc: ["'self'"],
          connectSrc: ["'self'"],
          formAction: ["'none'"],
          baseUri: ["'none'"],
          frameAncestors: ["'none'"],
        },
      },
    }),
  );
  app.useBodyParser('json', { limit: '10kb' });
  app.use(cookieParser());
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
  new Logger('Accounts').log(`Open http://localhost:${port}`);
}
await bootstrap();
