import { within } from './within.js';

describe('an answer within a time', () => {
  it('is the answer, also one that is there at once', async () => {
    await expect(within(60_000, () => 1)).resolves.toBe(1);
    await expect(within(60_000, () => Promise.resolve(2))).resolves.toBe(2);
  });

  it('is the failure of who was asked', async () => {
    const failure = new Error('database');
    const fails = (): never => {
      throw failure;
    };
    await expect(within(60_000, fails)).rejects.toBe(failure);
    await expect(within(60_000, () => Promise.reject(failure))).rejects.toBe(
      failure,
    );
  });

  it('is a failure when there is none', async () => {
    await expect(within(1, () => new Promise(() => undefined))).rejects.toThrow(
      'No answer within 1 ms',
    );
  });
});
