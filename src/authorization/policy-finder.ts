import type { DiscoveryService } from '@nestjs/core';
import { checkPattern } from '../hub/topic.js';
import { InvalidTopicPolicyException } from './authorization.exceptions.js';
import { decoratedPolicies, policyPatternsOf } from './topic-policy.js';
import type { PolicyClass, TopicAuthorizer } from './topic-policy.js';

/** A policy and what it is asked about. */
export interface Policy {
  /** What has the decorator. */
  readonly owner: PolicyClass;
  readonly patterns: readonly string[];
  readonly authorizer: TopicAuthorizer;
}

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/**
 * Finds what has `@TopicPolicy()`, each instance once.
 *
 * @throws InvalidTopicPolicyException
 */
export function findPolicies(discovery: DiscoveryService): readonly Policy[] {
  const policies = new Map<unknown, Policy>();
  for (const wrapper of wrappersOf(discovery)) {
    const [owner] = policyClassesOf(wrapper);
    if (owner !== undefined) {
      const policy = toPolicy(wrapper, owner);
      policies.set(policy.authorizer, policy);
    }
  }
  return [...policies.values()];
}

/**
 * Finds classes that have `@TopicPolicy()` and are not asked, because no module lists them, nor a
 * class that extends them.
 */
export function findForgottenPolicies(
  discovery: DiscoveryService,
): readonly PolicyClass[] {
  const listed = wrappersOf(discovery).flatMap(policyClassesOf);
  const isListed = (policy: PolicyClass): boolean =>
    listed.some((each) => each === policy || each.prototype instanceof policy);
  return decoratedPolicies().filter((policy) => !isListed(policy));
}

function wrappersOf(discovery: DiscoveryService): readonly Wrapper[] {
  return [...discovery.getProviders(), ...discovery.getControllers()];
}

/** The class may be the provider's, that of what a factory made, or one that a test has replaced. */
function policyClassesOf({
  metatype,
  instance,
  token,
}: Wrapper): PolicyClass[] {
  const made = (instance as object | undefined | null)?.constructor;
  return [metatype, made, token].filter(
    (candidate) => policyPatternsOf(candidate) !== undefined,
  ) as PolicyClass[];
}

function toPolicy(wrapper: Wrapper, owner: PolicyClass): Policy {
  const refuse = (flaw: string): never => {
    throw new InvalidTopicPolicyException(`${owner.name}: ${flaw}`);
  };
  if (wrapper.isTransient || !wrapper.isDependencyTreeStatic()) {
    refuse(
      'a class with @TopicPolicy() must be a singleton, but it or what is injected into it is request-scoped or transient. canSubscribe() gets user and connection instead.',
    );
  }
  const authorizer = wrapper.instance as Partial<TopicAuthorizer> | undefined;
  if (typeof authorizer?.canSubscribe !== 'function') {
    refuse(
      'a class with @TopicPolicy() needs the method canSubscribe(user, topic, connection).',
    );
  }
  const patterns = policyPatternsOf(owner)!;
  if (patterns.length === 0) {
    refuse(
      "@TopicPolicy() names no pattern. Give one, or several as an array; '**' is every topic.",
    );
  }
  for (const pattern of patterns) {
    try {
      checkPattern(pattern);
    } catch (error) {
      refuse(`@TopicPolicy(): ${(error as Error).message}`);
    }
  }
  return { owner, patterns, authorizer: authorizer as TopicAuthorizer };
}
