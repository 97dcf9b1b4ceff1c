import { Observable, filter, map, of } from 'rxjs';
import { isListen, markListen } from './listen-mark.js';

describe('a listen stream is recognized', () => {
  it('as it is, and is the observable that was marked', () => {
    const source = of(1);

    expect(markListen(source)).toBe(source);
    expect(isListen(source)).toBe(true);
  });

  it('through operators', () => {
    const source = markListen(of(1));

    expect(
      isListen(
        source.pipe(
          map((n) => n + 1),
          filter(Boolean),
        ),
      ),
    ).toBe(true);
    expect(isListen(source.pipe())).toBe(true);
  });

  it('and nothing else is', () => {
    markListen(of(1));

    expect(isListen(of(1))).toBe(false);
    expect(isListen(new Observable().pipe(map(() => 1)))).toBe(false);
  });
});
