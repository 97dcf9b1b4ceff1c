import type { HubEvent } from './hub-event.js';
import { CONTROL_TOPIC } from './control-entry.js';
import { checkPattern, checkTopic, matchesPattern } from './topic.js';
import { InvalidStreamException } from './hub.exceptions.js';

/** Which events a stream asks for. */
export interface SelectionOptions {
  readonly topics?: readonly string[];
  readonly patterns?: readonly string[];
  readonly types?: readonly string[];
  readonly where?: (event: any) => boolean;
}

/** Who listens, as far as audiences are concerned. */
export interface Listener {
  /** The user's id as a string; `undefined` for nobody in particular. */
  readonly userId?: string;
  readonly roles?: readonly string[];
  /** Server code that asked for every event, whoever it is for. */
  readonly all?: boolean;
}

/** What one stream wants and may see, checked once and asked for every event. */
export class Selection {
  readonly topics: readonly string[];
  readonly patterns: readonly string[];
  readonly #patterns: readonly (readonly string[])[];
  readonly #types: ReadonlySet<string> | undefined;
  readonly #where: ((event: HubEvent) => boolean) | undefined;
  readonly #method: string;

  /**
   * @param isChecked whether the options are those of another selection
   * @throws InvalidTopicException, InvalidStreamException
   */
  constructor(
    method: string,
    options: SelectionOptions,
    readonly listener: Listener,
    isChecked = false,
  ) {
    if (!isChecked) {
      check(method, options);
    }
    const { topics = [], patterns = [], types, where } = options;
    this.topics = unique(topics);
    this.patterns = unique(patterns);
    this.#patterns = this.patterns.map((pattern) => pattern.split('.'));
    this.#types = types === undefined ? undefined : new Set(types);
    this.#where = where;
    this.#method = method;
  }

  /** The same for somebody else, or for the same user with other roles. */
  withListener(listener: Listener): Selection {
    return listener === this.listener
      ? this
      : this.#copy(this.topics, this.patterns, listener);
  }

  /** The same of other topics, which have been checked; of none of them it selects nothing. */
  withTopics(
    topics: readonly string[],
    patterns: readonly string[] = this.patterns,
  ): Selection {
    return this.#copy(topics, patterns, this.listener);
  }

  /** The same with topics that were joined since (`true`), and without those that were left. */
  withMoved(moved: ReadonlyMap<string, boolean> | undefined): Selection {
    if (moved === undefined || moved.size === 0) {
      return this;
    }
    const topics = new Set(this.topics);
    for (const [topic, isJoined] of moved) {
      if (isJoined) {
        topics.add(topic);
      } else {
        topics.delete(topic);
      }
    }
    return this.withTopics([...topics]);
  }

  /** Whether the topic was asked for and the event is for this listener. */
  covers(event: HubEvent): boolean {
    return this.coversTopic(event.topic) && isFor(event, this.listener);
  }

  /**
   * Whether an event that is covered passes `types` and `where`.
   *
   * @throws what `where` throws; InvalidStreamException when it is asynchronous
   */
  accepts(event: HubEvent): boolean {
    if (this.#types === undefined && this.#where === undefined) {
      return true;
    }
    if (this.#types !== undefined && !this.#types.has(event.type)) {
      return false;
    }
    const verdict: unknown = this.#where?.(event) ?? true;
    if (typeof verdict === 'object') {
      throw new InvalidStreamException(
        '"where" returned an object, perhaps a promise, which would let everything through. It must be synchronous and return a boolean.',
      );
    }
    return Boolean(verdict);
  }

  /** Whether the topic was asked for, by name or by pattern. The hub's own entries are nobody's. */
  coversTopic(topic: string): boolean {
    if (this.topics.includes(topic)) {
      return true;
    }
    if (this.#patterns.length === 0 || topic === CONTROL_TOPIC) {
      return false;
    }
    const segments = topic.split('.');
    return this.#patterns.some((pattern) => matchesPattern(pattern, segments));
  }

  #copy(
    topics: readonly string[],
    patterns: readonly string[],
    listener: Listener,
  ): Selection {
    const types = this.#types && [...this.#types];
    const where = this.#where;
    return new Selection(
      this.#method,
      { topics, patterns, types, where },
      listener,
      true,
    );
  }
}

function check(method: string, options: SelectionOptions): void {
  const { topics = [], patterns = [], types, where } = options;
  checkList(method, 'topics', topics);
  checkList(method, 'patterns', patterns);
  if (types !== undefined) {
    checkList(method, 'types', types);
  }
  if (topics.length + patterns.length === 0) {
    throw new InvalidStreamException(
      `${method}: no topics and no patterns. Name at least one; patterns: ['**'] is everything.`,
    );
  }
  if (where !== undefined && typeof where !== 'function') {
    throw new InvalidStreamException(
      `${method}: "where" must be a function of the event.`,
    );
  }
  if (types?.length === 0) {
    throw new InvalidStreamException(
      `${method}: "types" is empty, so nothing would ever come. Leave it out for all types.`,
    );
  }
  topics.forEach(checkTopic);
  patterns.forEach(checkPattern);
}

function checkList(method: string, name: string, list: unknown): void {
  if (!Array.isArray(list)) {
    throw new InvalidStreamException(
      `${method}: "${name}" must be an array of strings.`,
    );
  }
}

function unique(names: readonly string[]): readonly string[] {
  return names.length > 1 ? [...new Set(names)] : [...names];
}

/** Whether an event is for a listener, as far as its audience says. */
export function isFor(
  { audience }: HubEvent,
  { userId, roles, all }: Listener,
): boolean {
  return (
    audience === undefined ||
    all === true ||
    (userId !== undefined && audience.users?.includes(userId) === true) ||
    (roles !== undefined &&
      audience.roles?.some((role) => roles.includes(role)) === true)
  );
}
