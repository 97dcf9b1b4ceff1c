import { ConnectionsByUser } from './connections-by-user.js';

describe('ConnectionsByUser', () => {
  it('has the connections of each user, oldest first', () => {
    const byUser = new ConnectionsByUser<string>();
    byUser.add('ann', 'first');
    byUser.add('bob', 'other');
    byUser.add('ann', 'second');
    byUser.add('ann', 'first');
    expect([...byUser.of('ann')]).toEqual(['first', 'second']);
    expect([...byUser.of('bob')]).toEqual(['other']);

    byUser.delete('ann', 'first');
    byUser.delete('ann', 'first');
    byUser.delete('bob', 'second');
    expect([...byUser.of('ann')]).toEqual(['second']);
    byUser.delete('ann', 'second');
    expect(byUser.of('ann').size).toBe(0);
    expect(byUser.size).toBe(1);
  });

  it('has none of nobody', () => {
    const byUser = new ConnectionsByUser<string>();
    byUser.add(undefined, 'nobody’s');
    byUser.delete(undefined, 'nobody’s');
    expect(byUser.size).toBe(0);
  });
});
