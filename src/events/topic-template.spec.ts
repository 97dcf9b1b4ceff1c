import fc from 'fast-check';
import { InvalidTopicException, matchesPattern, topic } from '../hub/topic.js';
import { TopicTemplate } from './topic-template.js';

class Read {
  constructor(
    readonly userId: unknown,
    readonly shop: unknown = 'berlin',
  ) {}
}

describe('A topic template', () => {
  it('without placeholders is a topic', () => {
    const template = new TopicTemplate('movies.horror');
    expect(template.isLiteral).toBe(true);
    expect(template.pattern).toBe('movies.horror');
    expect(template.fill(new Read(undefined))).toBe('movies.horror');
  });

  it('is filled from the fields of an event', () => {
    const template = new TopicTemplate('shops.:shop.users.:userId');
    expect(template.isLiteral).toBe(false);
    expect(template.pattern).toBe('shops.*.users.*');
    expect(template.fill(new Read(42))).toBe('shops.berlin.users.42');
    expect(template.fill(new Read(42n, 7))).toBe('shops.7.users.42');
  });

  it('leaves its own segments as they are', () => {
    const template = new TopicTemplate('a%20b.x:y.:userId');
    expect(template.fill(new Read('jane'))).toBe('a%20b.x:y.jane');
  });

  it('reads getters, and fields with $ and letters of any language', () => {
    const template = new TopicTemplate('users.:$größe.:name');
    const event = Object.assign(new Read(1), { $größe: 5 });
    Object.defineProperty(event, 'name', { get: () => 'jane' });
    expect(template.fill(event)).toBe('users.5.jane');
  });

  it('makes of any text exactly what topic() makes of it', () => {
    const template = new TopicTemplate('users.:userId');
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
        (userId) => {
          let expected: string;
          try {
            expected = topic('users', userId);
          } catch {
            expect(() => template.fill(new Read(userId))).toThrow(
              InvalidTopicException,
            );
            return;
          }
          expect(template.fill(new Read(userId))).toBe(expected);
          expect(
            matchesPattern(template.pattern.split('.'), expected.split('.')),
          ).toBe(true);
        },
      ),
    );
  });

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['empty', ''],
    ['boolean', true],
    ['object', { toString: () => '42' }],
    ['function', () => 42],
  ])('refuses a field that is %s', (flaw, value) => {
    const template = new TopicTemplate('users.:userId');
    expect(() => template.fill(new Read(value))).toThrow(
      `The topic "users.:userId" of Read needs the field "userId", which is ${flaw}. Give it a non-empty string or a number.`,
    );
    expect(() => template.fill(new Read(value))).toThrow(InvalidTopicException);
  });

  it('refuses a value with which the topic is too long', () => {
    const template = new TopicTemplate('users.:userId');
    expect(() => template.fill(new Read('x'.repeat(250)))).toThrow(
      'at most 255',
    );
  });

  it.each([
    ['users.:', 'a placeholder ":" that is not the name of a field'],
    ['users.:1st', 'a placeholder ":1st"'],
    ['users.:user-id', 'a placeholder ":user-id"'],
    ['users..:id', 'an empty segment'],
    ['users.*', 'a wildcard'],
    ['users.:id*', 'a wildcard'],
    ['users. :id', 'white space'],
    ['', 'non-empty string'],
    [undefined as never, 'non-empty string'],
    ['x'.repeat(256), 'at most 255'],
  ])('refuses to be "%s"', (text, flaw) => {
    expect(() => new TopicTemplate(text)).toThrow(InvalidTopicException);
    expect(() => new TopicTemplate(text)).toThrow(flaw);
  });
});
