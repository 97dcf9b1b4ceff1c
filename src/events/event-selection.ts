import type { EventClass, SelectEventsOptions } from '../hub/event-class.js';
import type { HubEvent } from '../hub/hub-event.js';
import { InvalidStreamException } from '../hub/hub.exceptions.js';
import { overlaps } from '../hub/pattern-relations.js';
import type { SelectionOptions } from '../hub/selection.js';
import { checkPattern, checkTopic } from '../hub/topic.js';
import { definitionOf } from './sse-event.decorator.js';
import type { EventDefinition } from './sse-event.decorator.js';
import type { TopicTemplate } from './topic-template.js';

/**
 * The topics, patterns and types of classes, and what keeps events of others out. A literal topic of
 * a class is always selected; of one with placeholders, those that `topics` and `patterns` name.
 *
 * @param method what the message of an error begins with
 * @param mayBeOpen whether a topic with placeholders that nothing fills stands for all of its topics
 * @throws InvalidStreamException, InvalidTopicException
 */
export function selectEvents(
  method: string,
  options: SelectEventsOptions<readonly EventClass[]> &
    Pick<SelectionOptions, 'where'>,
  mayBeOpen: boolean,
): SelectionOptions {
  const { events, topics = [], patterns = [], types, where } = options;
  const refuse = (flaw: string): never => {
    throw new InvalidStreamException(`${method}: ${flaw}`);
  };
  for (const [name, list] of Object.entries({ events, topics, patterns })) {
    if (!Array.isArray(list)) {
      refuse(`"${name}" must be an array.`);
    }
  }
  if (events.length === 0) {
    refuse('"events" is empty, so nothing would ever come.');
  }
  if (types !== undefined) {
    refuse(
      '"types" beside "events", which say the types. Leave one of them out.',
    );
  }
  topics.forEach(checkTopic);
  patterns.forEach(checkPattern);
  const named = [...topics, ...patterns];
  const definitions = events.map((event) => define(event, refuse));
  const isNamed = ({ topic }: EventDefinition): boolean =>
    named.some((name) => overlaps(topic.pattern, name));
  for (const name of named) {
    if (!definitions.some(({ topic }) => overlaps(topic.pattern, name))) {
      refuse(
        `"${name}" is no topic of these events, which are published on ${definitions.map(({ topic }) => `"${topic.text}"`).join(', ')}.`,
      );
    }
  }
  const literal = definitions.filter(({ topic }) => topic.isLiteral);
  const open = definitions.filter(
    (definition) => !definition.topic.isLiteral && !isNamed(definition),
  );
  if (open.length > 0 && !mayBeOpen) {
    const { type, topic } = open[0]!;
    refuse(
      `the topic of "${type}" is "${topic.text}", and a client gets those only that are named: topics: [topic('users', id)], or patterns: ['${topic.pattern}'] for all of them.`,
    );
  }
  return {
    topics: [...literal.map(({ topic }) => topic.text), ...topics],
    patterns: [...open.map(({ topic }) => topic.pattern), ...patterns],
    types: definitions.map(({ type }) => type),
    // What is no function is refused elsewhere.
    where:
      where === undefined || typeof where === 'function'
        ? only(definitions, where)
        : where,
  };
}

/** Events of other classes may have a type of these on a topic of these: `created` of `users` and of `movies`. */
function only(
  definitions: readonly EventDefinition[],
  where: SelectionOptions['where'] = () => true,
): (event: HubEvent) => boolean {
  const topics = new Map<string, TopicTemplate[]>();
  for (const { type, topic } of definitions) {
    topics.set(type, [...(topics.get(type) ?? []), topic]);
  }
  return (event) =>
    topics.get(event.type)!.some((topic) => topic.matches(event.topic)) &&
    where(event);
}

function define(
  event: EventClass,
  refuse: (flaw: string) => never,
): EventDefinition {
  return (
    definitionOf(event) ??
    refuse(
      `${typeof event === 'function' ? event.name : String(event)} is no class with @SseEvent().`,
    )
  );
}
