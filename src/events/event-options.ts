/** What events of classes and their listeners take from the module's options. */
export interface EventOptions {
  /** `undefined`: if class-validator is installed. */
  readonly validateEvents: boolean | undefined;
}

/** Injection token of the `EventOptions`. */
export const EVENT_OPTIONS = Symbol('EVENT_OPTIONS');
