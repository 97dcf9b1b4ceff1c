import type { ArgumentsHost, INestApplication } from '@nestjs/common';
import { Catch } from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';

/** Keeps the errors that reach the exception filters, and answers as Nest does. */
@Catch()
export class CaughtErrors extends BaseExceptionFilter {
  readonly errors: Error[] = [];

  constructor(app: INestApplication) {
    super(app.get(HttpAdapterHost).httpAdapter);
    app.useGlobalFilters(this);
  }

  override catch(error: Error, host: ArgumentsHost): void {
    this.errors.push(error);
    super.catch(error, host);
  }
}
