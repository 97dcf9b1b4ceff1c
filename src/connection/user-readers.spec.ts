import { Logger } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { jest } from '@jest/globals';
import { requestUser, rolesReader, userIdReader } from './user-readers.js';

const warn = jest.spyOn(Logger.prototype, 'warn');

beforeEach(() => {
  warn.mockReset();
});

afterAll(() => {
  warn.mockRestore();
});

const warnings = (): unknown[] => warn.mock.calls.map(([message]) => message);

describe('by default', () => {
  it('the user is the request’s', () => {
    const somebody = { id: 1 };
    const context = {
      switchToHttp: () => ({ getRequest: () => ({ user: somebody }) }),
    } as unknown as ExecutionContext;

    expect(requestUser(context)).toBe(somebody);
  });

  it.each([
    [{ id: 'a', userId: 'b', sub: 'c' }, 'a'],
    [{ userId: 7, sub: 'c' }, 7],
    [{ sub: 'c' }, 'c'],
    [{ id: 0 }, 0],
    [{ id: 42n }, 42n],
    [{ id: null, sub: 'c' }, 'c'],
    [{ id: { $oid: 'x' }, sub: 'c' }, 'c'],
  ])('the id of %p is %p', (somebody, id) => {
    expect(userIdReader()(somebody)).toBe(id);
    expect(warnings()).toEqual([]);
  });

  it.each([
    [{}, 'an object with no fields'],
    [{ name: 'jane', email: 'j@x.org' }, 'an object with name, email has no'],
    [{ id: { $oid: 'x' } }, 'an object with id has no'],
    ['jane', 'a string has no'],
  ])('%p has no id, and a warning names the option', (somebody, said) => {
    const userId = userIdReader();
    expect(userId(somebody)).toBeUndefined();
    expect(userId({ more: true })).toBeUndefined();
    expect(warnings()).toEqual([expect.stringContaining(said)]);
    expect(warnings()[0]).toContain('option `userId`');
    expect(warnings()[0]).not.toContain('j@x.org');
  });

  it('the roles are the user’s, and it is no flaw to have none', () => {
    const roles = rolesReader();
    expect(roles({ roles: ['admin'] })).toEqual(['admin']);
    expect(roles({ roles: ['admin', 7] })).toEqual(['admin', 7]);
    expect(roles({ roles: [] })).toEqual([]);
    expect(roles({ roles: null })).toBeUndefined();
    expect(roles({})).toBeUndefined();
    expect(warnings()).toEqual([]);
  });

  it.each([
    ['admin', [], 'a string'],
    [new Set(['admin']), [], 'an object'],
    [[{ name: 'admin' }], [], 'an array with an object in it'],
    [['admin', null], ['admin'], 'an array with null in it'],
    [['admin', undefined], ['admin'], 'an array with undefined in it'],
  ])('of the roles %p only %p count, with a warning', (given, known, said) => {
    const roles = rolesReader();
    expect(roles({ roles: given })).toEqual(known);
    roles({ roles: given });
    expect(warnings()).toEqual([expect.stringContaining(`are ${said}, not`)]);
    expect(warnings()[0]).toContain('option `roles`');
  });

  it('warns of each application by itself', () => {
    userIdReader()({});
    userIdReader()({});
    expect(warnings()).toHaveLength(2);
  });
});
