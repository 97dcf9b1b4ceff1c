import { listenerOf, remoteAddressOf, resumeCursorOf } from './request.js';

describe('the cursor that a client comes with', () => {
  it('is its header', () => {
    expect(
      resumeCursorOf({ url: '/', headers: { 'last-event-id': 'e-1' } }),
    ).toBe('e-1');
  });

  it('is the query parameter when there is no header', () => {
    expect(
      resumeCursorOf({
        url: '/?lastEventId=e-2',
        headers: {},
        query: { lastEventId: 'e-2' },
      }),
    ).toBe('e-2');
  });

  it('is the header when there are both: it is newer than the URL', () => {
    expect(
      resumeCursorOf({
        url: '/?lastEventId=e-2',
        headers: { 'last-event-id': 'e-1' },
        query: { lastEventId: 'e-2' },
      }),
    ).toBe('e-1');
  });

  it('is the query parameter when the header is empty', () => {
    expect(
      resumeCursorOf({
        url: '/?lastEventId=e-2',
        headers: { 'last-event-id': '' },
        query: { lastEventId: 'e-2' },
      }),
    ).toBe('e-2');
  });

  it.each([
    { url: '/', headers: {} },
    { url: '/?', headers: {}, query: undefined },
    { url: '/?', headers: {}, query: {} },
    { url: '/?', headers: {}, query: { lastEventId: '' } },
    { url: '/?', headers: { 'last-event-id': '' }, query: { lastEventId: '' } },
    { url: '/?', headers: {}, query: { lastEventId: { $gt: '' } } },
  ])('is none: %j', (request) => {
    expect(resumeCursorOf(request)).toBeUndefined();
  });

  it('is passed on as it is, however malformed: the hub says reset', () => {
    expect(
      resumeCursorOf({ url: '/', headers: { 'last-event-id': '../../etc' } }),
    ).toBe('../../etc');
  });

  it('is not lost when the parameter is given twice', () => {
    expect(
      resumeCursorOf({
        url: '/?lastEventId=e-1&lastEventId=e-2',
        headers: {},
        query: { lastEventId: ['e-1', 'e-2'] },
      }),
    ).toBeDefined();
  });
});

describe('the address of a client', () => {
  it('is what the platform says, which knows trusted proxies', () => {
    expect(
      remoteAddressOf({ ip: '10.0.0.1', socket: { remoteAddress: '::1' } }),
    ).toBe('10.0.0.1');
  });

  it('is the socket’s otherwise', () => {
    expect(remoteAddressOf({ socket: { remoteAddress: '::1' } })).toBe('::1');
    expect(remoteAddressOf({})).toBeUndefined();
  });
});

describe('a listener', () => {
  interface User {
    id?: string | number | bigint | null;
    roles?: readonly string[];
  }

  const options = {
    userId: ({ id }: User) => id as string | undefined,
    roles: ({ roles }: User) => roles,
  };

  it.each([undefined, null])('is nobody when the user is %p', (user) => {
    const refuse = (): never => {
      throw new Error('asked about nobody');
    };

    expect(listenerOf(user, { userId: refuse, roles: refuse })).toEqual({});
  });

  it.each([
    ['42', '42'],
    [42, '42'],
    [0, '0'],
    [9_007_199_254_740_993n, '9007199254740993'],
  ])('has the id %p as a string', (id, userId) => {
    expect(listenerOf({ id }, options).userId).toBe(userId);
  });

  it.each([undefined, null])('has no id when it is %p', (id) => {
    expect(listenerOf({ id }, options).userId).toBeUndefined();
  });

  it('has its roles as strings', () => {
    expect(listenerOf({ roles: ['admin', 7] }, options as never).roles).toEqual(
      ['admin', '7'],
    );
    expect(listenerOf({}, options).roles).toBeUndefined();
  });
});
