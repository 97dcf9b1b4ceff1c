import { InvalidStreamException } from './hub.exceptions.js';
import { checkKnown } from './known-options.js';

describe('checkKnown', () => {
  it('takes every option of a method, also one that is undefined', () => {
    checkKnown('hub.stream', { topics: ['a'], where: undefined, for: {} });
    checkKnown('hub.listen', { patterns: ['a.*'], audience: 'all' });
    checkKnown('connection.join', {});
  });

  it.each<[Parameters<typeof checkKnown>[0], object, string]>([
    ['hub.stream', { topics: ['a'], were: () => false }, 'were'],
    ['hub.history', { topics: ['a'], after: 'x' }, 'after'],
    ['hub.listen', { topics: ['a'], where: () => false }, 'where'],
    ['connection.join', { rewnd: 1 }, 'rewnd'],
  ])(
    'refuses what %s does not have, and says what it has',
    (method, options, name) => {
      const check = () => checkKnown(method, options);
      expect(check).toThrow(InvalidStreamException);
      expect(check).toThrow(
        `${method}: unknown option "${name}". Known options: `,
      );
    },
  );

  it.each([undefined, null, 'movies', 20])(
    'refuses %p in place of options',
    (options) => {
      expect(() => checkKnown('hub.stream', options)).toThrow(
        'hub.stream: the options must be an object. Known options: topics, patterns, types, events, where, rewind, after, for.',
      );
    },
  );
});
