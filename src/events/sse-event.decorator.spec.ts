import { InvalidEventException } from '../hub/hub.exceptions.js';
import { InvalidTopicException } from '../hub/topic.js';
import { SseEvent, classOf, definitionOf } from './sse-event.decorator.js';

@SseEvent('movie.added', { topic: 'movies' })
class MovieAdded {
  readonly id: number = 1;
}

class MovieAddedTwice extends MovieAdded {}

@SseEvent('movie.renamed', { topic: 'movies.:id' })
class MovieRenamed extends MovieAdded {}

/** Decorates a class, as strict as a program in JavaScript is. */
const decorate = (type: any, options: any, target: any): void =>
  SseEvent(type, options)(target);

describe('@SseEvent()', () => {
  it('says type and topic of a class, and of those that extend it', () => {
    expect(definitionOf(MovieAdded)).toMatchObject({
      type: 'movie.added',
      topic: { text: 'movies' },
    });
    expect(definitionOf(MovieAddedTwice)).toBe(definitionOf(MovieAdded));
    expect(definitionOf(MovieRenamed)).toMatchObject({
      type: 'movie.renamed',
      topic: { text: 'movies.:id', pattern: 'movies.*' },
    });
  });

  it.each([[class {}], [{}], [undefined], ['movie.added'], [Object]])(
    'says nothing of %s',
    (other) => {
      expect(definitionOf(other)).toBeUndefined();
    },
  );

  it('is found by an instance', () => {
    expect(classOf(new MovieAddedTwice())).toBe(MovieAddedTwice);
    expect(classOf(Object.create(null) as object)).toBeUndefined();
    // A field of that name says nothing.
    expect(classOf({ constructor: MovieAdded })).toBe(Object);
  });

  it.each([
    ['hub.reset', 'reserved'],
    ['error', 'reserved'],
    ['', '1 to 255 characters'],
    ['a\nb', 'CR, LF or NUL'],
    [5, '1 to 255 characters'],
  ])('refuses the type %j when the class is defined', (type, flaw) => {
    class Odd {}
    expect(() => decorate(type, { topic: 'movies' }, Odd)).toThrow(
      InvalidEventException,
    );
    expect(() => decorate(type, { topic: 'movies' }, Odd)).toThrow(flaw);
    expect(() => decorate(type, { topic: 'movies' }, Odd)).toThrow(
      '@SseEvent() of Odd: ',
    );
  });

  it.each([[{ topic: 'users.:' }], [{ topic: 'users.*' }], [{}], [undefined]])(
    'refuses the options %j when the class is defined',
    (options) => {
      class Odd {}
      expect(() => decorate('odd', options, Odd)).toThrow(
        InvalidTopicException,
      );
      expect(() => decorate('odd', options, Odd)).toThrow(
        '@SseEvent() of Odd: ',
      );
    },
  );

  it('refuses a class that says another type, and a second decorator', () => {
    class Other {
      static readonly type = 'movie.removed';
    }
    expect(() => decorate('movie.added', { topic: 'movies' }, Other)).toThrow(
      '@SseEvent() of Other: its type is "movie.added", but the class has static type "movie.removed". Make them the same.',
    );
    class Twice {}
    decorate('a', { topic: 'movies' }, Twice);
    expect(() => decorate('b', { topic: 'movies' }, Twice)).toThrow(
      'A class is one type of event.',
    );
  });
});
