import { Logger } from '@nestjs/common';
import { concat, defer, ignoreElements, isObservable, tap } from 'rxjs';
import type { MonoTypeOperatorFunction, Observable } from 'rxjs';
import { standInFor } from '../decoration/stand-in.js';
import type { EventClass } from '../hub/event-class.js';
import { InvalidPublisherException } from './events.exceptions.js';
import { hubOf, injectHub } from './injected-hub.js';
import { Publication } from './publication.js';
import type { PublishEventOptions } from './publication.js';
import { definitionOf } from './sse-event.decorator.js';

type Method<Result> = (
  ...args: any[]
) => Result | Promise<Result> | Observable<Result>;

/**
 * Method decorator for providers and controllers: what the method returns is published when
 * it has succeeded. A promise is awaited; of an observable, the last value is published before
 * it completes. What the method returns stays as it is, except that a promise and an
 * observable wait for the log.
 *
 * @param eventClass a class with `@SseEvent()`
 * @param options `map`, `delivery`, `onError`
 * @throws InvalidPublisherException when the class of the method is defined; the call throws it
 * when there is no hub or no event can be made
 *
 * @example
 * ```ts
 * @PublishEvent(MovieAdded, { map: (movie: Movie) => new MovieAdded(movie) })
 * add(movie: NewMovie): Promise<Movie> {
 *   return this.movies.save(movie);
 * }
 * ```
 */
export function PublishEvent<Class extends EventClass, Result = any>(
  eventClass: Class,
  options: PublishEventOptions<InstanceType<Class>, Result> = {},
): <Handler extends Method<Result>>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<Handler>,
) => void {
  return (target, key, descriptor) => {
    const name = checkPlace(target, key, descriptor);
    if (definitionOf(eventClass) === undefined) {
      throw new InvalidPublisherException(
        `${name} has @PublishEvent(${eventClass?.name}), which is no class with @SseEvent(). If it is undefined, two files import each other.`,
      );
    }
    injectHub(target);
    const publication = new Publication(
      name,
      eventClass,
      options as PublishEventOptions<any>,
    );
    const follow = new FollowUp(publication, options.onError ?? 'throw');
    const method: Method<unknown> = descriptor.value!;
    const standIn = standInFor(method, function (this: unknown, ...args) {
      const hub = hubOf(this, name);
      return follow.result(method.apply(this, args), (result) =>
        publication.publish(hub, result, args),
      );
    });
    descriptor.value = standIn as typeof descriptor.value;
  };
}

/** @returns the method's name, for messages */
function checkPlace(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<any>,
): string {
  const isStatic = typeof target === 'function';
  const owner = isStatic ? target.name : target.constructor.name;
  const name = `${owner}.${String(key)}`;
  if (isStatic || typeof descriptor?.value !== 'function') {
    throw new InvalidPublisherException(
      `${name} has @PublishEvent(), but is ${isStatic ? 'static, and so belongs to no application' : 'no method'}. Put it on a method of a provider or controller.`,
    );
  }
  return name;
}

/** What happens between a method's success and that of its call. */
class FollowUp {
  readonly #logger = new Logger('SseModule');

  constructor(
    private readonly publication: Publication,
    private readonly onError: 'throw' | 'log',
  ) {}

  /** Publishes what a method has returned, or will. */
  result(
    returned: unknown,
    publish: (result: unknown) => Promise<void>,
  ): unknown {
    const logged = (result: unknown): Promise<void> =>
      publish(result).catch((error: unknown) => this.#log(error));
    const followed = this.onError === 'throw' ? publish : logged;
    if (isObservable(returned)) {
      return returned.pipe(publishLast(followed));
    }
    if (isPromise(returned)) {
      return returned.then(async (result) => {
        await followed(result);
        return result;
      });
    }
    void logged(returned);
    return returned;
  }

  #log(error: unknown): void {
    this.#logger.error(
      `${this.publication.method} has succeeded, but its event could not be published`,
      error instanceof Error ? error.stack : String(error),
    );
  }
}

/** As Nest answers with the last value, so that is the result; without one there is nothing. */
function publishLast(
  publish: (result: unknown) => Promise<void>,
): MonoTypeOperatorFunction<unknown> {
  return (source) =>
    defer(() => {
      let publishing = async (): Promise<void> => undefined;
      return concat(
        source.pipe(
          tap((value) => {
            publishing = () => publish(value);
          }),
        ),
        defer(() => publishing()).pipe(ignoreElements()),
      );
    });
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Promise<unknown> | undefined)?.then === 'function';
}
