import type { DiscoveryService } from '@nestjs/core';
import { checkPattern } from '../hub/topic.js';
import { InvalidTopicPolicyException } from './authorization.exceptions.js';
import { policyPatternsOf } from './topic-policy.js';
import type { TopicAuthorizer } from './topic-policy.js';

/** A policy and what it is asked about. */
export interface Policy {
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
  for (const wrapper of [
    ...discovery.getProviders(),
    ...discovery.getControllers(),
  ]) {
    const owner = policyClassOf(wrapper);
    if (owner !== undefined) {
      const policy = toPolicy(wrapper, owner);
      policies.set(policy.authorizer, policy);
    }
  }
  return [...policies.values()];
}

/** The class may be the provider's, that of what a factory made, or one that a test has replaced. */
function policyClassOf({
  metatype,
  instance,
  token,
}: Wrapper): { readonly name: string } | undefined {
  const made = (instance as object | undefined | null)?.constructor;
  return [metatype, made, token].find(
    (candidate) => policyPatternsOf(candidate) !== undefined,
  ) as { readonly name: string } | undefined;
}

function toPolicy(wrapper: Wrapper, owner: { readonly name: string }): Policy {
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
  return { patterns, authorizer: authorizer as TopicAuthorizer };
}
