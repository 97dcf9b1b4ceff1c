import { getSchemaPath } from '@nestjs/swagger';
import type { EventClass } from '../hub/event-class.js';
import { InvalidEventException } from '../hub/hub.exceptions.js';
import { definitionOf } from '../events/sse-event.decorator.js';

/** The hub's own events, which every stream may have. */
const NOTICES = [
  'hub.checkpoint',
  'hub.reset',
  'hub.complete',
  'hub.closed',
  'hub.error',
];

const ID = {
  type: 'string',
  description:
    'The cursor. A client that comes back with it misses nothing since.',
};

/**
 * The schema of one event of a stream: with the fields that it has on the wire, of which
 * `data` is JSON text there.
 *
 * @throws InvalidEventException for what is no class with `@SseEvent()`
 */
export function eventSchema(eventClass: EventClass): object {
  const definition = definitionOf(eventClass);
  if (definition === undefined) {
    throw new InvalidEventException(
      `@ApiSse(${eventClass?.name}): no class with @SseEvent(). If it is undefined, two files import each other.`,
    );
  }
  const { type } = definition;
  return {
    title: type,
    type: 'object',
    required: ['event', 'data'],
    properties: {
      id: ID,
      event: { type: 'string', enum: [type] },
      data: { $ref: getSchemaPath(eventClass as Function) },
    },
  };
}

/** The schema of the hub's own events. */
export function noticeSchema(): object {
  return {
    title: 'hub.*',
    description:
      'What the hub says of the stream itself: where it is (checkpoint), that history is missing (reset), and why it ends (complete, closed, error).',
    type: 'object',
    required: ['event', 'data'],
    properties: {
      id: ID,
      event: { type: 'string', enum: NOTICES },
      data: { type: 'object' },
    },
  };
}
