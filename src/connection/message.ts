import { serialize } from '../hub/serialize.js';
import { InvalidFrameException } from './frame.js';
import type { FrameFields } from './frame.js';

const FIELDS = ['data', 'id', 'type', 'retry', 'comment'] as const;

/**
 * Reads what a handler emitted as Nest's `@Sse()` would: an object with fields of
 * `MessageEvent` is a message, anything else is the data of one.
 *
 * @throws UnserializableDataException, InvalidFrameException
 */
export function toFields(value: unknown): FrameFields {
  if (
    typeof value !== 'object' ||
    value === null ||
    !FIELDS.some((field) => field in value)
  ) {
    return { data: dataText(value) };
  }
  if ('topic' in value && 'audience' in value && !('data' in value)) {
    throw new InvalidFrameException(
      'A handler emits a spread of a hub event, { ...event }, which has no data. Use event.with({ data }).',
    );
  }
  // Field by field: a spread would lose the getters of an event that is a class.
  const { data, id, type, retry, comment } = value as Record<string, unknown>;
  return {
    data: data === undefined ? undefined : dataText(data),
    id: id === undefined || id === null ? undefined : text(id),
    type: type === undefined || type === null ? undefined : text(type),
    retry:
      typeof retry === 'number' && Number.isFinite(retry) ? retry : undefined,
    comment:
      comment === undefined || comment === null ? undefined : text(comment),
  };
}

/** An app may give an id or type as a number, as Nest's own `@Sse()` allows. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : String(value as number);
}

function dataText(data: unknown): string {
  return typeof data === 'string' ? data : serialize(data);
}
