import type { EventClass } from '../hub/event-class.js';
import { loadClassValidator } from './class-validator.js';
import type { ClassValidator } from './class-validator.js';

/** The event that was made of an object, or why none can be. */
export type MadeEvent = { readonly event: object } | { readonly flaw: string };

/** Of an object in a field nobody has said which fields are meant. */
class UnknownFieldsError extends Error {}

/**
 * Makes an event of another object: of its fields those that the class, or one that it
 * extends, has rules of class-validator for. What a field with `@ValidateNested()` has must be an
 * instance of a class with rules, and is taken by them. No constructor is called.
 */
export async function toEventOf(
  eventClass: EventClass,
  source: object,
): Promise<MadeEvent> {
  const validator = await loadClassValidator().catch(() => undefined);
  try {
    const event = validator && pick(validator, eventClass, source);
    return event === undefined
      ? {
          flaw: 'the class has no rules of class-validator, which would name its fields',
        }
      : { event };
  } catch (error) {
    if (error instanceof UnknownFieldsError) {
      return { flaw: error.message };
    }
    throw error;
  }
}

/**
 * @returns `undefined` if the class, and those that it extends, have no rules
 * @throws UnknownFieldsError
 */
function pick(
  validator: ClassValidator,
  type: EventClass,
  source: object,
): object | undefined {
  const rules = validator
    .getMetadataStorage()
    .getTargetValidationMetadatas(type, '', true, false);
  if (rules.length === 0) {
    return undefined;
  }
  const nested = new Set(
    rules
      .filter(
        (rule) => rule.type === validator.ValidationTypes.NESTED_VALIDATION,
      )
      .map(({ propertyName }) => propertyName),
  );
  const fields = rules.map(({ propertyName: name }) => {
    const value = (source as Record<string, unknown>)[name];
    return [
      name,
      {
        value: nested.has(name) ? pickNested(validator, name, value) : value,
        enumerable: true,
        configurable: true,
        writable: true,
      },
    ];
  });
  return Object.create(
    type.prototype as object,
    Object.fromEntries(fields) as PropertyDescriptorMap,
  ) as object;
}

/** @throws UnknownFieldsError */
function pickNested(
  validator: ClassValidator,
  field: string,
  value: unknown,
): unknown {
  if (Array.isArray(value)) {
    return value.map((one) => pickNested(validator, field, one));
  }
  if (typeof value !== 'object' || value === null) {
    // The rule itself is about that.
    return value;
  }
  const type = value.constructor as EventClass | undefined;
  const picked = type && pick(validator, type, value);
  if (picked === undefined) {
    throw new UnknownFieldsError(
      `the object in "${field}" is no instance of a class with rules, which would name its fields`,
    );
  }
  return picked;
}
