import { InvalidStreamException } from './hub.exceptions.js';

const SELECTION = ['topics', 'patterns', 'types', 'events'] as const;

/** What each method may be given. */
const KNOWN = {
  'hub.stream': [...SELECTION, 'where', 'rewind', 'after', 'for'],
  'hub.history': [...SELECTION, 'where', 'rewind', 'for'],
  'hub.listen': [...SELECTION, 'audience'],
  'connection.join': ['rewind'],
} as const satisfies Record<string, readonly string[]>;

/**
 * Refuses an option that a method does not have: a `where` with a typing error would let everything
 * through.
 *
 * @throws InvalidStreamException
 */
export function checkKnown(
  method: keyof typeof KNOWN,
  options: unknown,
): asserts options is object {
  const known: readonly string[] = KNOWN[method];
  if (typeof options !== 'object' || options === null) {
    throw new InvalidStreamException(
      `${method}: the options must be an object. Known options: ${known.join(', ')}.`,
    );
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InvalidStreamException(
      `${method}: unknown option "${unknown}". Known options: ${known.join(', ')}.`,
    );
  }
}
