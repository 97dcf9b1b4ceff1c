import type { ConnectionInfo } from '../hub/stream-connection.js';

const POLICY = Symbol('sse-topic-policy');

/** @internal A class that has `@TopicPolicy()`. */
export type PolicyClass = abstract new (...args: any[]) => object;

/** All classes of this process that were decorated, so that one that no module lists can be told. */
const decorated = new Set<PolicyClass>();

/** What a class with `@TopicPolicy()` does. */
export interface TopicAuthorizer<User = any> {
  /**
   * Whether a client may have a stream of a topic. Asked before the stream starts, and so
   * before the first replayed event.
   *
   * @param user as the guards put it on the request; `undefined` if they did not
   * @param topic the requested topic, or the requested pattern as it was written, which stands
   * for all topics that it matches
   * @param connection what the stream is for
   * @returns `true` if it may; anything else is a no
   * @throws an `HttpException` to answer with its status instead of 403
   */
  canSubscribe(
    user: User,
    topic: string,
    connection: ConnectionInfo,
  ): boolean | Promise<boolean>;
}

/**
 * Class decorator: streams of the topics that a pattern matches need the consent of
 * this provider. List the class in the `providers` of a module, or it is never asked.
 *
 * @param patterns a topic or pattern (`*` is one segment, `**` any number), or several
 *
 * @example
 * ```ts
 * @Injectable()
 * @TopicPolicy('orders.*')
 * class OrdersPolicy implements TopicAuthorizer<User> {
 *   constructor(private readonly orders: OrdersService) {}
 *
 *   canSubscribe(user: User, topic: string): Promise<boolean> {
 *     return this.orders.belongsTo(user.id, topic.split('.')[1]);
 *   }
 * }
 * ```
 */
export function TopicPolicy(
  patterns: string | readonly string[],
): ClassDecorator {
  return (target) => {
    Reflect.defineMetadata(POLICY, [patterns].flat(), target);
    decorated.add(target as never);
  };
}

/** @internal The patterns that a class was given; `undefined` without `@TopicPolicy()`. */
export function policyPatternsOf(
  candidate: unknown,
): readonly string[] | undefined {
  return typeof candidate === 'function'
    ? (Reflect.getMetadata(POLICY, candidate) as readonly string[] | undefined)
    : undefined;
}

/** @internal What has `@TopicPolicy()`, in this process. */
export function decoratedPolicies(): readonly PolicyClass[] {
  return [...decorated];
}
