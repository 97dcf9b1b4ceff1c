import {
  InvalidTopicException,
  checkTopic,
  matchesPattern,
  topic,
} from '../hub/topic.js';

/** A segment that a field fills. */
const FIELD = /^:([\p{L}_$][\p{L}\p{N}_$]*)$/u;

/** The fields that a template names. */
export type FieldsOf<Template extends string> =
  Template extends `${infer Head}.${infer Tail}`
    ? FieldsOf<Head> | FieldsOf<Tail>
    : Template extends `:${infer Field}`
      ? Field
      : never;

/** What a field may hold. */
export type Segment = string | number | bigint;

/** A topic, or one with segments that the fields of an event fill: `users.:userId`. */
export class TopicTemplate {
  /** What matches every topic made of it; the topic itself if it has no fields. */
  readonly pattern: string;
  readonly #pattern: readonly string[];
  readonly #segments: readonly { readonly text: string; field?: string }[];

  /** @throws InvalidTopicException */
  constructor(readonly text: string) {
    checkTopic(text);
    this.#segments = text.split('.').map((segment) => {
      const field = FIELD.exec(segment)?.[1];
      if (field === undefined && segment.startsWith(':')) {
        throw new InvalidTopicException(
          `The topic "${text}" has a placeholder "${segment}" that is not the name of a field. Write it as users.:userId.`,
        );
      }
      return { text: segment, field };
    });
    this.#pattern = this.#segments.map(({ text, field }) =>
      field === undefined ? text : '*',
    );
    this.pattern = this.#pattern.join('.');
  }

  /** Whether it is a topic as it stands. */
  get isLiteral(): boolean {
    return this.pattern === this.text;
  }

  /** Whether a topic can have been made of it. */
  matches(name: string): boolean {
    return this.isLiteral
      ? name === this.text
      : matchesPattern(this.#pattern, name.split('.'));
  }

  /**
   * The topic of an event. Each field stays one segment, whatever it holds, as with `topic()`.
   *
   * @throws InvalidTopicException if a field is missing, empty or no text or number, or the
   * topic too long
   */
  fill(event: object): string {
    if (this.isLiteral) {
      return this.text;
    }
    const name = this.#segments
      .map(({ text, field }) =>
        field === undefined ? text : this.#segmentOf(event, field),
      )
      .join('.');
    checkTopic(name);
    return name;
  }

  #segmentOf(event: object, field: string): string {
    const value = (event as Record<string, unknown>)[field];
    if (
      !['string', 'number', 'bigint'].includes(typeof value) ||
      value === ''
    ) {
      const flaw =
        value === '' ? 'empty' : value === null ? 'null' : typeof value;
      throw new InvalidTopicException(
        `The topic "${this.text}" of ${event.constructor.name} needs the field "${field}", which is ${flaw}. Give it a non-empty string or a number.`,
      );
    }
    return topic(value as Segment);
  }
}
