import { ConnectionsByUser } from './connections-by-user.js';
import type { SseResponse } from './sse-response.js';

const of = (userId?: string) =>
  ({ connection: { listener: { userId } } }) as unknown as SseResponse;

describe('ConnectionsByUser', () => {
  it('has the connections of each user, oldest first', () => {
    const byUser = new ConnectionsByUser();
    const [first, second, other] = [of('ann'), of('ann'), of('bob')];
    for (const response of [first, other, second, first]) {
      byUser.add(response);
    }
    expect([...byUser.of('ann')]).toEqual([first, second]);
    expect([...byUser.of('bob')]).toEqual([other]);

    byUser.delete(first);
    byUser.delete(first);
    expect([...byUser.of('ann')]).toEqual([second]);
    byUser.delete(second);
    expect(byUser.of('ann').size).toBe(0);
  });

  it('has none of nobody', () => {
    const byUser = new ConnectionsByUser();
    const nobody = of();
    byUser.add(nobody);
    byUser.delete(nobody);
    expect(byUser.of('undefined').size).toBe(0);
    expect(byUser.of('').size).toBe(0);
  });
});
