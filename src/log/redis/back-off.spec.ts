import { backOff } from './back-off.js';

describe('backOff', () => {
  it('gives any time up to a bound that doubles, and no more than two seconds', () => {
    const bounds = [0, 1, 2, 3, 4, 5, 6, 100, 1e6].map((attempt) =>
      backOff(attempt, () => 1),
    );

    expect(bounds).toEqual([
      50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000,
    ]);
    expect(backOff(6, () => 0)).toBe(0);
    expect(backOff(6, () => 0.5)).toBe(1_000);
  });
});
