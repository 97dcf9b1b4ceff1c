import { AuthorizationTimeoutException } from '../hub/hub.exceptions.js';
import { withinLimit } from './time-limit.js';

describe('an answer within a time', () => {
  it('is the answer', async () => {
    await expect(
      withinLimit(Promise.resolve(2), 60_000, 'How many'),
    ).resolves.toBe(2);
  });

  it('is the failure of who was asked', async () => {
    const failure = new Error('database');
    await expect(
      withinLimit(Promise.reject(failure), 60_000, 'How many'),
    ).rejects.toBe(failure);
  });

  it('is a failure that names the question when there is none', async () => {
    const never = new Promise<never>(() => undefined);
    await expect(withinLimit(never, 1, 'How many')).rejects.toEqual(
      new AuthorizationTimeoutException(
        'How many was not answered within authorizationTimeout (1 ms).',
      ),
    );
  });
});
