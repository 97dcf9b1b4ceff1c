/**
 * An option is unknown, out of range or contradicts another one. Thrown when
 * the application starts; the message names option, value and range.
 */
export class InvalidOptionException extends Error {
  override readonly name = 'InvalidOptionException';
}

/** What an option may be. */
export type OptionRule =
  | {
      readonly type: 'number' | 'integer';
      readonly min: number;
      readonly max?: number;
      /** `Infinity` fits as well: it lifts a limit. */
      readonly orInfinity?: true;
    }
  | { readonly type: 'function' | 'boolean' }
  | { readonly type: 'enum'; readonly of: readonly string[] }
  | { readonly type: 'object'; readonly of: OptionRules }
  | {
      readonly type: 'instance';
      readonly is: (value: unknown) => boolean;
      readonly hint: string;
    };

export type OptionRules = Readonly<Record<string, OptionRule>>;

/**
 * Refuses options that do not fit their rules. Options left out, or
 * `undefined`, fit.
 *
 * @param owner what the options belong to, as the message names it
 * @throws InvalidOptionException
 */
export function checkOptions(
  owner: string,
  options: object,
  rules: OptionRules,
): void {
  if (
    typeof options !== 'object' ||
    options === null ||
    Array.isArray(options)
  ) {
    throw new InvalidOptionException(
      `${owner}: the options are ${show(options)}; give an object.`,
    );
  }
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) {
      throw new InvalidOptionException(
        `${owner}: unknown option "${name}". Known options: ${Object.keys(rules).join(', ')}.`,
      );
    }
    if (value !== undefined) {
      checkOption(owner, name, value, rule);
    }
  }
}

function checkOption(
  owner: string,
  name: string,
  value: unknown,
  rule: OptionRule,
): void {
  const refuse = (expected: string): never => {
    throw new InvalidOptionException(
      `${owner}: option "${name}" is ${show(value)}; it must be ${expected}.`,
    );
  };
  switch (rule.type) {
    case 'function':
      if (typeof value !== 'function') {
        refuse('a function');
      }
      return;
    case 'boolean':
      if (typeof value !== 'boolean') {
        refuse('true or false');
      }
      return;
    case 'enum':
      if (!rule.of.includes(value as string)) {
        refuse(rule.of.map((one) => JSON.stringify(one)).join(' or '));
      }
      return;
    case 'object':
      return checkOptions(`${owner}: ${name}`, value as object, rule.of);
    case 'instance':
      if (!rule.is(value)) {
        refuse(rule.hint);
      }
      return;
    default: {
      if (rule.orInfinity && value === Infinity) {
        return;
      }
      const max = rule.max ?? Number.MAX_SAFE_INTEGER;
      const kind = rule.type === 'integer' ? 'an integer' : 'a number';
      if (
        typeof value !== 'number' ||
        !(value >= rule.min && value <= max) ||
        (rule.type === 'integer' && !Number.isInteger(value))
      ) {
        refuse(
          `${kind} from ${rule.min} to ${max}${rule.orInfinity ? ', or Infinity' : ''}`,
        );
      }
    }
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value);
  }
  if (typeof value === 'object' && value !== null) {
    return `an object (${value.constructor?.name ?? 'no prototype'})`;
  }
  return typeof value === 'function' ? 'a function' : String(value);
}
