import { Exclude, Expose, Type } from 'class-transformer';
import fc from 'fast-check';
import {
  UnserializableDataException,
  loadClassTransformer,
  serialize,
} from './serialize.js';

class Director {
  name: string;

  @Exclude()
  salary = 1_000_000;

  constructor(name: string) {
    this.name = name;
  }
}

class Movie {
  id = 7;

  @Exclude()
  secret = 'ending';

  @Expose({ name: 'heading' })
  title = 'Alien';

  director = new Director('Scott');

  @Type(() => Director)
  crew = [new Director('Vanlint')];
}

const movieJson = {
  id: 7,
  heading: 'Alien',
  director: { name: 'Scott' },
  crew: [{ name: 'Vanlint' }],
};

const parsed = (data: unknown): unknown => JSON.parse(serialize(data));

const isUnserializable = (message: string | RegExp) => (data: unknown) => {
  expect(() => serialize(data)).toThrow(UnserializableDataException);
  expect(() => serialize(data)).toThrow(message);
};

describe('serialize', () => {
  beforeAll(loadClassTransformer);

  it('gives back, parsed, what JSON can hold', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        expect(serialize(data)).toBe(JSON.stringify(data));
      }),
    );
  });

  it('changes nothing in what it is given', () => {
    const movie = new Movie();
    const data = Object.freeze({
      list: Object.freeze([movie, 1]),
      none: undefined,
    });

    serialize(data);

    expect(data.list[0]).toBe(movie);
    expect(movie.secret).toBe('ending');
  });

  it('leaves out properties that are undefined', () => {
    expect(serialize({ a: 1, b: undefined, c: { d: undefined } })).toBe(
      '{"a":1,"c":{}}',
    );
  });

  it('takes the same object in two places', () => {
    const shared = { n: 1 };

    expect(serialize({ a: shared, b: [shared, shared] })).toBe(
      '{"a":{"n":1},"b":[{"n":1},{"n":1}]}',
    );
  });

  it('takes objects without a prototype', () => {
    const data = Object.assign(Object.create(null) as object, { a: 1 });

    expect(serialize(data)).toBe('{"a":1}');
  });

  describe('refuses, naming the place,', () => {
    it.each([
      ['undefined', undefined, 'data is undefined'],
      [
        'undefined in an array',
        { a: [1, undefined] },
        'data.a[1] is undefined',
      ],
      ['a hole in an array', Array(1), 'data[0] is undefined'],
      ['a BigInt', 5n, 'data is a BigInt (5n)'],
      ['a BigInt below', { a: [{ b: 5n }] }, 'data.a[0].b is a BigInt (5n)'],
      ['NaN', { price: NaN }, 'data.price is NaN'],
      ['Infinity', [Infinity], 'data[0] is Infinity'],
      ['-Infinity', [-Infinity], 'data[0] is -Infinity'],
      ['a function', { f: () => 1 }, 'data.f is a function'],
      ['a class', { movie: Movie }, 'data.movie is a function'],
      ['a symbol', { s: Symbol('s') }, 'data.s is a symbol'],
      ['a Map', { m: new Map([[1, 2]]) }, 'data.m is a Map'],
      ['a Set', [new Set([1])], 'data[0] is a Set'],
    ])('%s', (_, data, message) => {
      isUnserializable(message)(data);
    });

    it('a circle', () => {
      const parent: Record<string, unknown> = {};
      parent.children = [{ parent }];

      isUnserializable(
        'data.children[0].parent refers back to an object that contains it',
      )(parent);
    });

    it('an array that contains itself', () => {
      const list: unknown[] = [];
      list.push(list);

      isUnserializable('data[0] refers back')(list);
    });

    it('a circle of class instances', () => {
      class Node {
        next: unknown;
      }
      const [a, b] = [new Node(), new Node()];
      a.next = { list: [b] };
      b.next = a;

      isUnserializable('data.node.next.list[0].next refers back')({ node: a });
    });

    it('a BigInt in a class instance', () => {
      class Account {
        balance = 5n;
      }

      isUnserializable('data[0].balance is a BigInt')([new Account()]);
    });

    it('a BigInt that toJSON gives', () => {
      isUnserializable(/data.*BigInt/)({ toJSON: () => ({ id: 5n }) });
    });

    it('toJSON that gives nothing', () => {
      isUnserializable(/^data (becomes nothing|is undefined)/)({
        toJSON: () => undefined,
      });
    });

    it.each([
      ['a promise, which somebody forgot to await', Promise.resolve(1)],
      ['an error', new Error('lost')],
      ['a regular expression', /x/],
      ['an invalid date', new Date(NaN)],
    ])('%s, which JSON would write as {} or null', (_, value) => {
      isUnserializable(/^data\.movie /)({ movie: value });
    });
  });

  describe('gives class instances their @Exclude() and @Expose()', () => {
    it.each([
      ['at the top', (movie: Movie) => movie, movieJson],
      [
        'in a plain object',
        (movie: Movie) => ({ a: { movie } }),
        { a: { movie: movieJson } },
      ],
      ['in an array', (movie: Movie) => [1, movie], [1, movieJson]],
      [
        'in an array in a plain object',
        (movie: Movie) => ({ movies: [movie, movie] }),
        { movies: [movieJson, movieJson] },
      ],
    ])('%s', (_, place, expected) => {
      expect(parsed(place(new Movie()))).toEqual(expected);
    });

    it('also in what toJSON gives', () => {
      expect(parsed({ toJSON: () => ({ movie: new Movie() }) })).toEqual({
        movie: movieJson,
      });
    });
  });

  describe('uses toJSON', () => {
    class Money {
      constructor(private readonly cents: number) {}

      toJSON(): string {
        return `${this.cents / 100} EUR`;
      }
    }

    it('of dates', () => {
      expect(serialize({ at: new Date(0) })).toBe(
        '{"at":"1970-01-01T00:00:00.000Z"}',
      );
    });

    it('of values at the top, in objects and in arrays', () => {
      expect(serialize(new Money(150))).toBe('"1.5 EUR"');
      expect(serialize({ prices: [new Money(150)] })).toBe(
        '{"prices":["1.5 EUR"]}',
      );
    });

    it('once, also if it gives the object itself', () => {
      class Self {
        n = 1;

        toJSON(): this {
          return this;
        }
      }

      expect(serialize([new Self()])).toBe('[{"n":1}]');
    });

    it('of dates in class instances', () => {
      class Screening {
        at = new Date(0);
      }

      expect(serialize(new Screening())).toBe(
        '{"at":"1970-01-01T00:00:00.000Z"}',
      );
    });
  });
});
