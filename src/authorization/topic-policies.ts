import { Inject, Injectable, Logger } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { AuthorizationTimeoutException } from '../hub/hub.exceptions.js';
import { covers, overlaps } from '../hub/pattern-relations.js';
import { PatternTrie } from '../hub/pattern-trie.js';
import type { StreamAuthorizer } from '../hub/stream-authorizer.js';
import type { StreamConnection } from '../hub/stream-connection.js';
import { TopicForbiddenException } from './authorization.exceptions.js';
import { AUTHORIZATION_OPTIONS } from './authorization-options.js';
import type { AuthorizationOptions } from './authorization-options.js';
import { findForgottenPolicies, findPolicies } from './policy-finder.js';
import type { Policy } from './policy-finder.js';
import type { TopicAuthorizer } from './topic-policy.js';
import { withinLimit } from './time-limit.js';
import { UnlistedTopics } from './unlisted-topics.js';

/** What one stream asks for. */
interface Requested {
  readonly topics: readonly string[];
  readonly patterns: readonly string[];
}

type Question = readonly [policy: Policy, requested: string];

/** Asks the providers with `@TopicPolicy()` whether a connection may have a stream. */
@Injectable()
export class TopicPolicies implements StreamAuthorizer, OnModuleInit {
  readonly #logger = new Logger('SseModule');
  readonly #byPattern = new PatternTrie<readonly Policy[]>();
  readonly #unlisted = new UnlistedTopics();
  #policies: readonly Policy[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    @Inject(AUTHORIZATION_OPTIONS)
    private readonly options: AuthorizationOptions,
  ) {}

  /** @throws InvalidTopicPolicyException */
  onModuleInit(): void {
    this.#policies = findPolicies(this.discovery);
    this.#tellWhatIsFound();
    for (const policy of this.#policies) {
      for (const pattern of policy.patterns) {
        const others = this.#byPattern.get(pattern) ?? [];
        this.#byPattern.set(pattern, [...new Set([...others, policy])]);
      }
    }
  }

  /** A policy that is not found is not asked, and nothing else would show it. */
  #tellWhatIsFound(): void {
    for (const { owner, patterns } of this.#policies) {
      this.#logger.log(`Topic policy ${owner.name}: ${patterns.join(', ')}`);
    }
    for (const { name } of findForgottenPolicies(this.discovery)) {
      this.#logger.warn(
        `${name} has @TopicPolicy(), but is no provider of this application, so it is not asked. List it in the providers of a module. (If it is of another application in this process, nothing is wrong.)`,
      );
    }
  }

  /**
   * Every policy whose pattern matches a topic, or overlaps a pattern, must say `true`. A
   * pattern needs a policy that speaks for all of it, because the others speak for a part.
   */
  authorize(
    connection: StreamConnection,
    requested: Requested,
  ): void | Promise<void> {
    if (
      this.#policies.length === 0 &&
      this.options.unlistedTopics === 'allow'
    ) {
      return;
    }
    const open: Promise<void>[] = [];
    try {
      for (const [{ authorizer }, topic] of this.#questions(requested)) {
        const answer: unknown = authorizer.canSubscribe(
          connection.user,
          topic,
          connection,
        );
        if (isPromise(answer)) {
          open.push(this.#answered(answer, authorizer, topic));
        } else {
          allow(answer, topic);
        }
      }
    } catch (error) {
      // Nobody waits for the others any more.
      void Promise.allSettled(open);
      throw error;
    }
    if (open.length > 0) {
      return Promise.all(open).then(() => undefined);
    }
  }

  async #answered(
    answer: Promise<unknown>,
    { constructor }: TopicAuthorizer,
    topic: string,
  ): Promise<void> {
    const { authorizationTimeout } = this.options;
    const question = `${constructor.name}.canSubscribe() of "${topic}"`;
    try {
      allow(await withinLimit(answer, authorizationTimeout, question), topic);
    } catch (error) {
      if (error instanceof AuthorizationTimeoutException) {
        // The client is only told to come back.
        this.#logger.warn(error.message);
      }
      throw error;
    }
  }

  /**
   * Whom to ask what.
   * @throws TopicForbiddenException if no answer could be enough
   */
  #questions({ topics, patterns }: Requested): readonly Question[] {
    const questions: Question[] = [];
    for (const topic of topics) {
      for (const policy of this.#askedOfTopic(topic)) {
        questions.push([policy, topic]);
      }
    }
    for (const pattern of patterns) {
      for (const policy of this.#askedOfPattern(pattern)) {
        questions.push([policy, pattern]);
      }
    }
    return questions;
  }

  #askedOfTopic(topic: string): readonly Policy[] {
    const matching = [...this.#byPattern.match(topic)];
    if (matching.length === 0) {
      this.#checkUnlisted(topic);
    }
    return matching.length === 1 ? matching[0]! : [...new Set(matching.flat())];
  }

  #askedOfPattern(requested: string): readonly Policy[] {
    const asked = this.#policies.filter(({ patterns }) =>
      patterns.some((pattern) => overlaps(pattern, requested)),
    );
    if (asked.length === 0) {
      this.#checkUnlisted(requested);
    } else if (
      !asked.some(({ patterns }) =>
        patterns.some((pattern) => covers(pattern, requested)),
      )
    ) {
      throw new TopicForbiddenException(
        requested,
        ' It needs a policy for everything that it matches.',
      );
    }
    return asked;
  }

  #checkUnlisted(topic: string): void {
    if (this.options.unlistedTopics === 'deny') {
      this.#unlisted.refused(topic);
      throw new TopicForbiddenException(topic);
    }
  }
}

/** @throws TopicForbiddenException on anything but `true` */
function allow(answer: unknown, topic: string): void {
  if (answer !== true) {
    throw new TopicForbiddenException(topic);
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Promise<unknown> | undefined)?.then === 'function';
}
