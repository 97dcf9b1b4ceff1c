/**
 * A topic, pattern or event type is malformed. The message says which rule it
 * breaks and what to use instead.
 */
export class InvalidTopicException extends Error {
  override readonly name = 'InvalidTopicException';
}

/** The longest topic or pattern, in characters. */
export const MAX_TOPIC_LENGTH = 255;

/** The most `**` in one pattern: each multiplies the ways in which it can match. */
const MAX_MANY = 3;

/** What one segment may hold: no dot, no wildcard, no white space, no control character, no half of a surrogate pair. */
const SEGMENT = /^[^\s.*\p{Cc}\p{Cs}]+$/u;

/** Nearly all topics, told by one look: nothing else needs to be asked of them. */
const PLAIN_TOPIC = /^[\w-]+(?:\.[\w-]+)*$/;

/** Joins segment types with dots. */
export type JoinTopic<Segments extends readonly (string | number | bigint)[]> =
  Segments extends readonly [infer Only extends string | number | bigint]
    ? `${Only}`
    : Segments extends readonly [
          infer First extends string | number | bigint,
          ...infer Rest extends readonly (string | number | bigint)[],
        ]
      ? `${First}.${JoinTopic<Rest>}`
      : string;

/**
 * Builds a literal topic from segments. Each argument stays one segment, whatever
 * it holds: dots, `*`, `%`, white space and control characters are percent-encoded,
 * so that a user id `*` or `jane@x.org` never opens somebody else's topic.
 *
 * @param segments at least one, none empty
 * @throws InvalidTopicException when a segment is empty or the topic too long
 *
 * @example
 * ```ts
 * topic('users', 42); // 'users.42'
 * topic('users', 'jane@x.org'); // 'users.jane@x%2Eorg'
 * ```
 */
export function topic<
  const Segments extends readonly (string | number | bigint)[],
>(...segments: Segments): JoinTopic<Segments> {
  const joined = segments.map(escapeSegment).join('.');
  checkTopic(joined);
  return joined as JoinTopic<Segments>;
}

function escapeSegment(
  segment: string | number | bigint,
  index: number,
): string {
  const text = String(segment);
  if (!['string', 'number', 'bigint'].includes(typeof segment) || text === '') {
    throw new InvalidTopicException(
      `topic(): segment ${index + 1} is ${text === '' ? 'empty' : `a ${typeof segment}`}; give a non-empty string or a number.`,
    );
  }
  return text.replace(/[%.*\s\p{Cc}]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}

/**
 * Refuses what is not a literal topic.
 *
 * @throws InvalidTopicException
 */
export function checkTopic(name: string): void {
  checkLength('topic', name);
  if (PLAIN_TOPIC.test(name)) {
    return;
  }
  for (const segment of name.split('.')) {
    if (segment.includes('*')) {
      throw new InvalidTopicException(
        `"${name}" has a wildcard, but a topic is literal. Subscribe to it with "patterns", or build it with topic() if the * is part of an id.`,
      );
    }
    checkSegment('topic', name, segment);
  }
}

/**
 * Refuses what is not a pattern: a topic in which a whole segment may be `*`
 * (one segment) or `**` (any number of segments, also none), as in
 * `@nestjs/event-emitter`.
 *
 * @throws InvalidTopicException
 */
export function checkPattern(pattern: string): void {
  checkLength('pattern', pattern);
  const segments = pattern.split('.');
  for (const segment of segments) {
    if (segment !== '*' && segment !== '**') {
      checkSegment('pattern', pattern, segment);
    }
  }
  if (segments.filter((segment) => segment === '**').length > MAX_MANY) {
    throw new InvalidTopicException(
      `The pattern "${pattern}" has more than ${MAX_MANY} segments "**", which take long to match. Use several patterns.`,
    );
  }
}

function checkLength(kind: string, name: string): void {
  if (typeof name !== 'string' || name === '') {
    throw new InvalidTopicException(
      `A ${kind} is a non-empty string, not ${String(name) || "''"}.`,
    );
  }
  if (name.length > MAX_TOPIC_LENGTH) {
    throw new InvalidTopicException(
      `The ${kind} "${name.slice(0, 40)}…" has ${name.length} characters; at most ${MAX_TOPIC_LENGTH} are allowed.`,
    );
  }
}

function checkSegment(kind: string, name: string, segment: string): void {
  if (!SEGMENT.test(segment)) {
    const flaw =
      segment === ''
        ? 'an empty segment'
        : segment.includes('*')
          ? 'a wildcard that is not a whole segment'
          : 'white space, a control character or half of a surrogate pair';
    throw new InvalidTopicException(
      `The ${kind} ${JSON.stringify(name)} has ${flaw}. Build topics with topic('users', id), which keeps every argument one segment.`,
    );
  }
}

/** Whether a pattern's segments cover a topic's segments. */
export function matchesPattern(
  pattern: readonly string[],
  name: readonly string[],
): boolean {
  return matchFrom(pattern, 0, name, 0);
}

function matchFrom(
  pattern: readonly string[],
  p: number,
  name: readonly string[],
  n: number,
): boolean {
  for (; p < pattern.length; p++, n++) {
    if (pattern[p] === '**') {
      if (p === pattern.length - 1) {
        return true;
      }
      for (let skipped = n; skipped <= name.length; skipped++) {
        if (matchFrom(pattern, p + 1, name, skipped)) {
          return true;
        }
      }
      return false;
    }
    if (n >= name.length || (pattern[p] !== '*' && pattern[p] !== name[n])) {
      return false;
    }
  }
  return n === name.length;
}
