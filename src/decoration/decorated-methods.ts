import type { DiscoveryService, MetadataScanner } from '@nestjs/core';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** A method of a provider or controller that a decorator has marked. */
export interface DecoratedMethod<Mark> {
  readonly instance: Record<string, (...args: unknown[]) => unknown>;
  readonly method: string;
  /** `MoviesService.added`, for messages. */
  readonly name: string;
  readonly mark: Mark;
  /** Why there is no one instance to call, if so. */
  readonly scope: 'request-scoped' | 'transient' | undefined;
}

/** Every provider and controller that has been made, each instance once. */
export function* instancesOf(
  discovery: DiscoveryService,
): Generator<{ readonly instance: object; readonly wrapper: Wrapper }> {
  const seen = new Set<unknown>();
  for (const wrapper of [
    ...discovery.getProviders(),
    ...discovery.getControllers(),
  ]) {
    const instance: unknown = wrapper.instance;
    // What useExisting gives out is found where it is provided.
    if (
      typeof instance === 'object' &&
      instance !== null &&
      !seen.has(instance)
    ) {
      seen.add(instance);
      yield { instance, wrapper };
    }
  }
}

/** The methods on which a decorator has left metadata, also inherited ones. */
export function* findDecoratedMethods<Mark>(
  discovery: DiscoveryService,
  scanner: MetadataScanner,
  key: symbol,
): Generator<DecoratedMethod<Mark>> {
  for (const { instance, wrapper } of instancesOf(discovery)) {
    const prototype = Object.getPrototypeOf(instance) as Record<
      string,
      object
    > | null;
    for (const method of scanner.getAllMethodNames(prototype)) {
      const mark = Reflect.getMetadata(key, prototype![method]!) as
        Mark | undefined;
      if (mark !== undefined) {
        yield {
          instance: instance as DecoratedMethod<Mark>['instance'],
          method,
          name: `${prototype!.constructor!.name}.${method}`,
          mark,
          scope: scopeOf(wrapper),
        };
      }
    }
  }
}

function scopeOf(wrapper: Wrapper): DecoratedMethod<unknown>['scope'] {
  if (wrapper.isTransient) {
    return 'transient';
  }
  return wrapper.isDependencyTreeStatic() ? undefined : 'request-scoped';
}
