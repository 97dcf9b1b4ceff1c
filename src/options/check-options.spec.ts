import fc from 'fast-check';
import { InvalidOptionException, checkOptions } from './check-options.js';
import type { OptionRules } from './check-options.js';

const rules: OptionRules = {
  wait: { type: 'number', min: 0.5, max: 10 },
  count: { type: 'integer', min: 1 },
  limit: { type: 'integer', min: 1, max: 9, orInfinity: true },
  find: { type: 'function' },
  mode: { type: 'enum', of: ['fast', 'safe'] },
  nested: {
    type: 'object',
    of: { bytes: { type: 'integer', min: 4, max: 8 } },
  },
  log: {
    type: 'instance',
    is: (value) => value instanceof Map,
    hint: 'a Map, such as new Map()',
  },
};

const check = (options: unknown): void =>
  checkOptions('Thing', options as object, rules);

describe('checkOptions takes', () => {
  it.each([
    {},
    { wait: 0.5 },
    { wait: 10 },
    { count: 1 },
    { count: Number.MAX_SAFE_INTEGER },
    { limit: 9 },
    { limit: Infinity },
    { find: () => undefined },
    { find: class {} },
    { mode: 'fast' },
    { mode: 'safe' },
    { nested: {} },
    { nested: { bytes: 4 } },
    { log: new Map() },
    { wait: undefined, nested: undefined },
    { nested: { bytes: undefined } },
    Object.assign(Object.create(null) as object, { wait: 1 }),
  ])('%p', (options) => {
    expect(() => check(options)).not.toThrow();
  });

  it('every number in range, and no other', () => {
    fc.assert(
      fc.property(fc.double(), (wait) => {
        const isInRange = wait >= 0.5 && wait <= 10;
        if (isInRange) {
          expect(() => check({ wait })).not.toThrow();
        } else {
          expect(() => check({ wait })).toThrow(InvalidOptionException);
        }
      }),
    );
  });
});

describe('checkOptions refuses, naming option, value and range,', () => {
  const numbers = 'it must be a number from 0.5 to 10.';
  const integers = 'it must be an integer from 1 to 9007199254740991.';

  it.each([
    [{ wait: 0 }, `Thing: option "wait" is 0; ${numbers}`],
    [{ wait: -1 }, `Thing: option "wait" is -1; ${numbers}`],
    [{ wait: 10.1 }, `Thing: option "wait" is 10.1; ${numbers}`],
    [{ wait: NaN }, `Thing: option "wait" is NaN; ${numbers}`],
    [{ wait: Infinity }, `Thing: option "wait" is Infinity; ${numbers}`],
    [{ wait: '5' }, `Thing: option "wait" is "5"; ${numbers}`],
    [{ wait: null }, `Thing: option "wait" is null; ${numbers}`],
    [{ wait: true }, `Thing: option "wait" is true; ${numbers}`],
    [{ wait: [5] }, `Thing: option "wait" is an object (Array); ${numbers}`],
    [{ wait: () => 5 }, `Thing: option "wait" is a function; ${numbers}`],
    [{ count: 0 }, `Thing: option "count" is 0; ${integers}`],
    [{ count: 1.5 }, `Thing: option "count" is 1.5; ${integers}`],
    [{ count: Infinity }, `Thing: option "count" is Infinity; ${integers}`],
    [{ count: 5n }, `Thing: option "count" is 5; ${integers}`],
    [
      { limit: 10 },
      'Thing: option "limit" is 10; it must be an integer from 1 to 9, or Infinity.',
    ],
    [
      { limit: -Infinity },
      'Thing: option "limit" is -Infinity; it must be an integer from 1 to 9, or Infinity.',
    ],
    [
      { find: 'user' },
      'Thing: option "find" is "user"; it must be a function.',
    ],
    [
      { mode: 'slow' },
      'Thing: option "mode" is "slow"; it must be "fast" or "safe".',
    ],
    [
      { mode: ['fast'] },
      'Thing: option "mode" is an object (Array); it must be "fast" or "safe".',
    ],
    [
      { log: {} },
      'Thing: option "log" is an object (Object); it must be a Map, such as new Map().',
    ],
    [
      { log: Object.create(null) as object },
      'Thing: option "log" is an object (no prototype); it must be a Map, such as new Map().',
    ],
    [
      { nested: { bytes: 3 } },
      'Thing: nested: option "bytes" is 3; it must be an integer from 4 to 8.',
    ],
    [
      { nested: { byte: 5 } },
      'Thing: nested: unknown option "byte". Known options: bytes.',
    ],
    [{ nested: 5 }, 'Thing: nested: the options are 5; give an object.'],
    [{ nested: null }, 'Thing: nested: the options are null; give an object.'],
    [
      { nested: [1] },
      'Thing: nested: the options are an object (Array); give an object.',
    ],
    [
      { waits: 5 },
      'Thing: unknown option "waits". Known options: wait, count, limit, find, mode, nested, log.',
    ],
    [
      { waits: undefined },
      'Thing: unknown option "waits". Known options: wait, count, limit, find, mode, nested, log.',
    ],
    [
      { constructor: 5 },
      'Thing: unknown option "constructor". Known options: wait, count, limit, find, mode, nested, log.',
    ],
  ])('%p', (options, message) => {
    expect(() => check(options)).toThrow(new InvalidOptionException(message));
  });

  it.each([undefined, null, 5, 'text', [], () => ({})])(
    '%p in place of options',
    (options) => {
      expect(() => check(options)).toThrow(InvalidOptionException);
      expect(() => check(options)).toThrow(/^Thing: the options are /);
    },
  );
});
