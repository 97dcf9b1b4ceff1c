/**
 * Data cannot become JSON without loss. The message says which value, and
 * where it stands in the data.
 */
export class UnserializableDataException extends TypeError {
  override readonly name = 'UnserializableDataException';
}

type ToPlain = (value: object) => unknown;

let instanceToPlain: ToPlain | undefined;

/** What JSON writes as `{}`. */
const LOSSY = [Map, Set, WeakMap, WeakSet, Promise, RegExp, Error] as const;

/**
 * Uses class-transformer for class instances from now on, if it is installed, so
 * that `@Exclude()` and `@Expose()` hold in events as they do in responses.
 */
export async function loadClassTransformer(): Promise<void> {
  try {
    useClassTransformer(await import('class-transformer'));
  } catch {
    // An optional peer: without it, instances become JSON as they are.
  }
}

/** The same with the package itself, where there is no time to wait for it. */
export function useClassTransformer(classTransformer: {
  readonly instanceToPlain: ToPlain;
}): void {
  ({ instanceToPlain } = classTransformer);
}

/**
 * Makes JSON text of an event's data. Properties that are `undefined` are left
 * out, as `JSON.stringify` does; everything else that JSON would drop or change
 * without a word is refused.
 *
 * @throws UnserializableDataException naming the place, such as `data.items[3].price`
 */
export function serialize(data: unknown): string {
  const plain = toPlain(data, 'data', new Set());
  let text: string | undefined;
  try {
    text = JSON.stringify(plain);
  } catch (error) {
    throw new UnserializableDataException(
      `data cannot become JSON: ${(error as Error).message}`,
      { cause: error },
    );
  }
  if (text === undefined) {
    throw refusal(
      'data',
      'becomes nothing in JSON',
      'Publish null, or an object.',
    );
  }
  return text;
}

function toPlain(value: unknown, path: string, above: Set<object>): unknown {
  switch (typeof value) {
    case 'undefined':
      throw refusal(path, 'is undefined', 'Publish null, or an object.');
    case 'bigint':
      throw refusal(path, `is a BigInt (${value}n)`, 'Convert it to a string.');
    case 'function':
    case 'symbol':
      throw refusal(path, `is a ${typeof value}`, 'Publish data only.');
    case 'number':
      if (!Number.isFinite(value)) {
        throw refusal(
          path,
          `is ${value}`,
          'JSON would write null: publish null or a string.',
        );
      }
      return value;
    case 'object':
      return value === null ? null : objectToPlain(value, path, above);
    default:
      return value;
  }
}

function objectToPlain(
  value: object,
  path: string,
  above: Set<object>,
): unknown {
  if (above.has(value)) {
    throw refusal(
      path,
      'refers back to an object that contains it',
      'Publish ids instead.',
    );
  }
  if (value instanceof Date && Number.isNaN(value.getTime())) {
    throw refusal(path, 'is an invalid date', 'JSON would write null.');
  }
  const lossy = LOSSY.find((type) => value instanceof type);
  if (lossy !== undefined) {
    throw refusal(
      path,
      `is a ${lossy.name}`,
      'JSON would write {}: publish what it holds as an array, a plain object or text.',
    );
  }
  const json = hasToJson(value) ? value.toJSON() : value;
  above.add(value);
  const plain =
    json === value ? mapObject(value, path, above) : toPlain(json, path, above);
  above.delete(value);
  return plain;
}

function mapObject(value: object, path: string, above: Set<object>): unknown {
  return Array.isArray(value)
    ? mapArray(value, path, above)
    : mapProperties(value, path, above);
}

function mapArray(
  items: readonly unknown[],
  path: string,
  above: Set<object>,
): readonly unknown[] {
  let changed: unknown[] | undefined;
  for (let i = 0; i < items.length; i++) {
    const plain = toPlain(items[i], `${path}[${i}]`, above);
    if (plain !== items[i]) {
      changed ??= [...items];
      changed[i] = plain;
    }
  }
  return changed ?? items;
}

function mapProperties(
  value: object,
  path: string,
  above: Set<object>,
): object {
  const isInstance = instanceToPlain !== undefined && !isPlain(value);
  const source = isInstance
    ? instanceToPlain!(checkCycles(value, path, above))
    : value;
  let changed: Record<string, unknown> | undefined;
  for (const [key, item] of Object.entries(source as object)) {
    if (item !== undefined) {
      const plain = toPlain(item, `${path}.${key}`, above);
      if (plain !== item) {
        changed ??= { ...(source as object) };
        changed[key] = plain;
      }
    }
  }
  return changed ?? (source as object);
}

/** class-transformer recurses without end into a cycle, so it is looked for first. */
function checkCycles(value: object, path: string, above: Set<object>): object {
  for (const [key, item] of Object.entries(value)) {
    if (typeof item === 'object' && item !== null && !hasToJson(item)) {
      const place = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`;
      if (above.has(item)) {
        throw refusal(
          place,
          'refers back to an object that contains it',
          'Publish ids instead.',
        );
      }
      above.add(item);
      checkCycles(item, place, above);
      above.delete(item);
    }
  }
  return value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function hasToJson(value: object): value is { toJSON(): unknown } {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

function refusal(
  path: string,
  flaw: string,
  remedy: string,
): UnserializableDataException {
  return new UnserializableDataException(`${path} ${flaw}. ${remedy}`);
}
