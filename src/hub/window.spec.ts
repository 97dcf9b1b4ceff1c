import { cursorAt } from '../log/cursor.js';
import { HubEvent } from './hub-event.js';
import { Window } from './window.js';
import type { WindowOptions } from './window.js';

const at = (position: number): string => cursorAt('e', position);

const eventAt = (position: number, data: unknown = position): HubEvent =>
  new HubEvent({
    id: at(position),
    topic: 'movies',
    type: 'message',
    text: JSON.stringify(data),
    time: 0,
  });

function filled(options: WindowOptions, count: number, from = 1): Window {
  const window = new Window(options, at(from - 1));
  for (let n = from; n < from + count; n++) {
    window.push(eventAt(n));
  }
  return window;
}

const held = (window: Window): number[] =>
  [...window.newestFirst()].map(({ data }) => data as number);

describe('Window', () => {
  it('covers the cursor in front of its oldest event, and later ones', () => {
    const window = filled({ events: 3 }, 5);

    expect(window.floor).toBe(at(2));
    expect(window.covers(at(1))).toBe(false);
    expect(window.covers(at(2))).toBe(true);
    expect(window.covers(at(5))).toBe(true);
  });

  it('covers only where it starts when it is empty', () => {
    const window = new Window({}, at(7));

    expect(window.covers(at(7))).toBe(true);
    expect(window.covers(at(6))).toBe(false);
  });

  it('knows where it starts and its events, and no other place', () => {
    const window = new Window({ events: 3 }, at(0));
    for (const n of [2, 4, 6, 8]) {
      window.push(eventAt(n));
    }

    expect(
      [1, 2, 3, 4, 5, 6, 7, 8, 9].filter((n) => window.knows(at(n))),
    ).toEqual([2, 4, 6, 8]);
    window.trim(at(4));
    expect(window.knows(at(4))).toBe(true);
    window.clear(at(9));
    expect([at(8), at(9)].map((cursor) => window.knows(cursor))).toEqual([
      false,
      true,
    ]);
  });

  it('hands out the same event objects to every replay', () => {
    const window = filled({}, 3);
    const limit = { events: 10, bytes: 1_000 };

    expect(window.after(at(1), limit)[0]).toBe(window.after(at(0), limit)[1]);
  });

  it('hands out slices by count and by bytes, never an empty one', () => {
    const window = filled({}, 5);

    expect(
      window.after(at(1), { events: 2, bytes: 100 }).map(({ data }) => data),
    ).toEqual([2, 3]);
    expect(
      window.after(at(1), { events: 9, bytes: 3 }).map(({ data }) => data),
    ).toEqual([2, 3, 4]);
    expect(window.after(at(1), { events: 9, bytes: 0 })).toHaveLength(1);
    expect(window.after(at(5), { events: 9, bytes: 9 })).toEqual([]);
  });

  it('forgets its oldest events past its count', () => {
    expect(held(filled({ events: 2 }, 4))).toEqual([4, 3]);
  });

  it('forgets its oldest events past its bytes of data', () => {
    const window = new Window({ bytes: 24 }, at(0));
    for (let n = 1; n <= 3; n++) {
      window.push(eventAt(n, 'x'.repeat(8)));
    }

    expect([...window.newestFirst()].map(({ id }) => id)).toEqual([
      at(3),
      at(2),
    ]);
  });

  it('measures bytes and not characters', () => {
    const window = new Window({ bytes: 24 }, at(0));
    window.push(eventAt(1, '€'.repeat(5)));
    window.push(eventAt(2, '€'.repeat(5)));

    expect([...window.newestFirst()]).toHaveLength(1);
  });

  it('forgets what the log has trimmed', () => {
    const window = filled({}, 4);
    window.trim(at(3));

    expect(held(window)).toEqual([4]);
    expect(window.covers(at(2))).toBe(false);
    expect(window.covers(at(3))).toBe(true);
  });

  it('is not emptied further by an older floor', () => {
    const window = filled({}, 4);
    window.trim(at(3));
    window.trim(at(1));

    expect(window.floor).toBe(at(3));
  });

  it('starts anew when it is cleared', () => {
    const window = filled({ events: 2 }, 4);
    window.clear(at(9));

    expect(held(window)).toEqual([]);
    expect(window.covers(at(4))).toBe(false);
    for (const n of [10, 11, 12]) {
      window.push(eventAt(n));
    }
    expect(held(window)).toEqual([12, 11]);
  });
});
