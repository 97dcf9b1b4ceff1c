import { ByUser } from './by-user.js';

describe('ByUser', () => {
  const first = { name: 'first' };
  const second = { name: 'second' };
  const other = { name: 'other' };

  it('has what belongs to each user, oldest first', () => {
    const byUser = new ByUser();
    byUser.add('ann', first);
    expect(byUser.of('ann')).toEqual([first]);
    expect(byUser.count('ann')).toBe(1);
    byUser.add('bob', other);
    byUser.add('ann', second);
    byUser.add('ann', first);
    expect(byUser.of('ann')).toEqual([first, second]);
    expect(byUser.count('ann')).toBe(2);
    expect(byUser.of('bob')).toEqual([other]);

    byUser.delete('ann', first);
    byUser.delete('ann', first);
    byUser.delete('bob', second);
    expect(byUser.of('ann')).toEqual([second]);
    expect(byUser.of('bob')).toEqual([other]);
    byUser.delete('ann', second);
    expect(byUser.of('ann')).toEqual([]);
    expect(byUser.count('ann')).toBe(0);
    expect(byUser.size).toBe(1);
  });

  it('takes the same item once', () => {
    const byUser = new ByUser();
    byUser.add('ann', first);
    byUser.add('ann', first);
    expect(byUser.count('ann')).toBe(1);
    byUser.delete('ann', first);
    expect(byUser.size).toBe(0);
  });

  it('has none of nobody', () => {
    const byUser = new ByUser();
    byUser.add(undefined, first);
    byUser.delete(undefined, first);
    expect(byUser.size).toBe(0);
  });
});
