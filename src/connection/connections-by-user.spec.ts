import { ConnectionsByUser } from './connections-by-user.js';

describe('the connections of a user', () => {
  it('are those that were added and not deleted, in their order', () => {
    const connections = new ConnectionsByUser<string>();
    connections.add('7', 'phone');
    connections.add('70', 'other');
    connections.add('7', 'laptop');
    expect([...connections.of('7')]).toEqual(['phone', 'laptop']);
    connections.delete('7', 'phone');
    connections.delete('7', 'other');
    expect([...connections.of('7')]).toEqual(['laptop']);
    expect([...connections.of('70')]).toEqual(['other']);
    expect([...connections.of('8')]).toEqual([]);
  });

  it('leave nothing behind', () => {
    const connections = new ConnectionsByUser<string>();
    connections.add('7', 'phone');
    connections.delete('7', 'phone');
    connections.delete('7', 'phone');
    expect(connections.size).toBe(0);
  });

  it('are nobody’s without a user', () => {
    const connections = new ConnectionsByUser<string>();
    connections.add(undefined, 'nobody');
    expect(connections.size).toBe(0);
    connections.delete(undefined, 'nobody');
    expect([...connections.of('undefined')]).toEqual([]);
  });
});
