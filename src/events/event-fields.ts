import type { EventClass } from '../hub/event-class.js';
import { loadClassValidator } from './class-validator.js';

/**
 * Makes an event of another object: of its fields those that the class, or one that it
 * extends, has rules of class-validator for. Its constructor is not called.
 *
 * @returns `undefined` if the class has no rules, or the package is not installed
 */
export async function toEventOf(
  eventClass: EventClass,
  source: object,
): Promise<object | undefined> {
  const validator = await loadClassValidator().catch(() => undefined);
  const rules =
    validator
      ?.getMetadataStorage()
      .getTargetValidationMetadatas(eventClass, '', true, false) ?? [];
  if (rules.length === 0) {
    return undefined;
  }
  const fields = rules.map(({ propertyName }) => [
    propertyName,
    {
      value: (source as Record<string, unknown>)[propertyName],
      enumerable: true,
      configurable: true,
      writable: true,
    },
  ]);
  return Object.create(
    eventClass.prototype as object,
    Object.fromEntries(fields) as PropertyDescriptorMap,
  ) as object;
}
