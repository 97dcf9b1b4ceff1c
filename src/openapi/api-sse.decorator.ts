import { applyDecorators } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiForbiddenResponse,
  ApiHeader,
  ApiOkResponse,
  ApiQuery,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger';
import type { EventClass } from '../hub/event-class.js';
import { InvalidEventException } from '../hub/hub.exceptions.js';
import { eventSchema, noticeSchema } from './event-schemas.js';

const CURSOR = {
  required: false,
  schema: { type: 'string', maxLength: 64 },
};

const ERROR = {
  type: 'object',
  required: ['statusCode', 'message'],
  properties: {
    statusCode: { type: 'integer' },
    message: { type: 'string' },
    error: { type: 'string' },
  },
};

/**
 * Method decorator for routes with `@Sse()`: describes the stream in the OpenAPI document of
 * `@nestjs/swagger`: `text/event-stream` with a schema for each event, the header
 * `Last-Event-ID` and the query parameter `lastEventId`, and the answers 401 and 403.
 * OpenAPI up to 3.1 has no word for the items of a stream; the schema is that of one event, as
 * tools expect it.
 *
 * @param events classes with `@SseEvent()`, whose fields have `@ApiProperty()`
 * @throws InvalidEventException when the class of the route is defined
 *
 * @example
 * ```ts
 * @Sse('events')
 * @ApiSse(MovieAdded, MovieRemoved)
 * events(@Connection() connection: SseConnection) {
 *   return this.hub.stream({ events: [MovieAdded, MovieRemoved], for: connection });
 * }
 * ```
 */
export function ApiSse(...events: readonly EventClass[]): MethodDecorator {
  if (events.length === 0) {
    throw new InvalidEventException(
      '@ApiSse() has no events. Name the classes that the stream emits.',
    );
  }
  const schema = { oneOf: [...events.map(eventSchema), noticeSchema()] };
  return applyDecorators(
    ApiExtraModels(...(events as readonly Function[])),
    ApiOkResponse({
      description: 'A stream of events, which stays open.',
      content: { 'text/event-stream': { schema } },
    }),
    ApiHeader({
      ...CURSOR,
      name: 'Last-Event-ID',
      description:
        'The cursor to continue behind. A browser sends it by itself when it reconnects.',
    }),
    ApiQuery({
      ...CURSOR,
      name: 'lastEventId',
      description: 'The same, for who cannot set the header.',
    }),
    ApiUnauthorizedResponse(refusal('It is not known who asks.')),
    ApiForbiddenResponse(refusal('Who asks may not have this stream.')),
  );
}

/** Before the stream starts; afterwards an event says why it ends. */
function refusal(description: string): object {
  return { description, content: { 'application/json': { schema: ERROR } } };
}
