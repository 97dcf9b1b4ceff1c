import { resolve } from 'node:path';
import { InvalidOptionException } from '../../options/check-options.js';
import { resolveSqliteOptions } from './sqlite-log-options.js';

describe('The options of SqliteLog', () => {
  it('have defaults, and the file does not depend on a later change of directory', () => {
    expect(resolveSqliteOptions({ file: 'data/events.db' })).toEqual({
      file: resolve('data/events.db'),
      synchronous: 'full',
      maxEvents: 100_000,
      maxBytes: 268_435_456,
      maxAge: 86_400_000,
      timeout: 5_000,
      lockTimeout: 10_000,
    });
  });

  it.each([
    [{}, 'option "file" is missing'],
    [undefined, 'the options are undefined'],
    [{ file: '' }, 'option "file" is ""; it must be the path of a file'],
    [{ file: 5 }, 'option "file" is 5'],
    [{ file: ':memory:' }, 'A log in memory is new MemoryLog()'],
    [{ file: 'file:events.db' }, 'it must be the path of a file'],
    [{ file: 'a', synchronous: 'off' }, 'must be "full" or "normal"'],
    [{ file: 'a', maxEvents: 0 }, 'an integer from 1'],
    [{ file: 'a', maxBytes: 1.5 }, 'an integer from 1'],
    [{ file: 'a', maxAge: 0 }, 'a number from 1'],
    [{ file: 'a', timeout: 99 }, 'a number from 100 to 2147483647'],
    [{ file: 'a', lockTimeout: -1 }, 'a number from 0 to 2147483647'],
    [{ file: 'a', path: 'b' }, 'unknown option "path"'],
  ])('refuse %j', (options, message) => {
    const make = () => resolveSqliteOptions(options as never);
    expect(make).toThrow(InvalidOptionException);
    expect(make).toThrow(message);
  });
});
