import { jest } from '@jest/globals';
import { InvalidOptionException } from '../options/check-options.js';

// As Node says it of a package that is not installed.
jest.unstable_mockModule('class-validator', () => {
  throw Object.assign(new Error("Cannot find package 'class-validator'"), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
});
const { EventValidator } = await import('./event-validator.js');
const { toEventOf } = await import('./event-fields.js');

describe('Without class-validator', () => {
  it('events are not validated', async () => {
    const validator = new EventValidator({ validateEvents: undefined });
    await validator.load();
    await validator.check({ anything: 1 });
  });

  it('an application that asks for validation does not start', async () => {
    const validator = new EventValidator({ validateEvents: true });
    await expect(validator.load()).rejects.toThrow(InvalidOptionException);
    await expect(validator.load()).rejects.toThrow(
      'npm install class-validator',
    );
  });

  it('one that does not starts', async () => {
    const validator = new EventValidator({ validateEvents: false });
    await validator.load();
    await validator.check({ anything: 1 });
  });

  it('no event is made of another object', async () => {
    expect(await toEventOf(class {}, { id: 1 })).toEqual({
      flaw: expect.stringContaining('no rules'),
    });
  });
});
