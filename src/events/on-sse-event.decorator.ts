import type {
  EventClass,
  HubEventOf,
  SelectEventsOptions,
} from '../hub/event-class.js';
import type { HubEvent } from '../hub/hub-event.js';
import { checkPattern } from '../hub/topic.js';
import { InvalidListenerException } from './events.exceptions.js';
import { definitionOf } from './sse-event.decorator.js';

/** Metadata key of methods with `@OnSseEvent()`: what each decorator asks for. */
export const LISTENS = Symbol('sse-listens');

/** What `@OnSseEvent()` takes as an object: what `hub.listen` takes. */
export interface OnSseEventOptions {
  /** Literal topics. */
  readonly topics?: readonly string[];
  /** Topics with wildcards. */
  readonly patterns?: readonly string[];
  /** Only events of these types. */
  readonly types?: readonly string[];
  /** Also events that are for some users or roles only. */
  readonly audience?: 'all';
}

/** The same, by classes with `@SseEvent()`. */
export interface OnSseEventsOptions<Classes extends readonly EventClass[]>
  extends SelectEventsOptions<Classes>, Pick<OnSseEventOptions, 'audience'> {}

type ListenerDecorator<Event> = <Listener extends (event: Event) => unknown>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<Listener>,
) => void;

/**
 * Provider or controller method: called with each event, as it is dispatched, from the
 * start of the application until it closes. It runs **on every node**, and hears nothing that was
 * published while its process was not running. It is not awaited; what it throws, or rejects
 * with, is logged. Events that are for some users or roles only are left out, unless
 * `audience: 'all'` is said. The provider must not be request-scoped or transient.
 *
 * @param what a topic or pattern, a class with `@SseEvent()`, or what `hub.listen` takes
 *
 * @example
 * ```ts
 * @Injectable()
 * class SearchIndex {
 *   @OnSseEvent(MovieAdded)
 *   added({ data }: HubEventOf<typeof MovieAdded>) {
 *     this.index.add(data.id, data.title);
 *   }
 *
 *   @OnSseEvent({ patterns: ['orders.**'], audience: 'all' })
 *   ordered(event: HubEvent) {}
 * }
 * ```
 */
export function OnSseEvent(what: string): ListenerDecorator<HubEvent>;
export function OnSseEvent<Class extends EventClass>(
  what: Class,
): ListenerDecorator<HubEventOf<Class>>;
export function OnSseEvent<const Classes extends readonly EventClass[]>(
  what: OnSseEventsOptions<Classes>,
): ListenerDecorator<HubEventOf<Classes[number]>>;
export function OnSseEvent(
  what: OnSseEventOptions,
): ListenerDecorator<HubEvent>;
export function OnSseEvent(
  what: string | EventClass | object,
): ListenerDecorator<any> {
  return (target, key, descriptor) => {
    const isStatic = typeof target === 'function';
    const owner = isStatic ? target.name : target.constructor.name;
    const refuse = (flaw: string): never => {
      throw new InvalidListenerException(
        `${owner}.${String(key)} has @OnSseEvent(), but ${flaw}`,
      );
    };
    if (isStatic || typeof descriptor?.value !== 'function') {
      refuse(
        `is ${isStatic ? 'static' : 'no method'}. Put it on a method of a provider or controller.`,
      );
    }
    const listener = descriptor.value as object;
    const others = (Reflect.getOwnMetadata(LISTENS, listener) ??
      []) as object[];
    // Decorators run from below.
    Reflect.defineMetadata(
      LISTENS,
      [toOptions(what, refuse), ...others],
      listener,
    );
  };
}

function toOptions(what: unknown, refuse: (flaw: string) => never): object {
  if (typeof what === 'string') {
    try {
      checkPattern(what);
    } catch (error) {
      refuse((error as Error).message);
    }
    return { patterns: [what] };
  }
  if (typeof what === 'function') {
    if (definitionOf(what) === undefined) {
      refuse(`${what.name} is no class with @SseEvent().`);
    }
    return { events: [what] };
  }
  if (typeof what !== 'object' || what === null) {
    refuse(
      `listens to ${String(what)}. Give a topic, a pattern, a class with @SseEvent() or what hub.listen() takes. If it should be a class, two files import each other.`,
    );
  }
  return what as object;
}
