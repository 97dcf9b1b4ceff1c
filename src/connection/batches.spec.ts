import { Batches } from './batches.js';
import { Frame } from './frame.js';

const frames = (...texts: string[]): Frame[] =>
  texts.map((text) => Frame.of(text));

describe('connections of one flush', () => {
  const [a, b, c] = frames('a', 'b', 'c') as [Frame, Frame, Frame];

  it('share one buffer from the second on, when they are sent the same', () => {
    const batches = new Batches();

    expect(batches.join([a, b])).toBeUndefined();
    const joined = batches.join([a, b]);
    expect(joined!.raw.toString()).toBe('ab');
    expect(batches.join([a, b])).toBe(joined);
  });

  it.each<[string, Frame[]]>([
    ['fewer frames', [a]],
    ['more frames', [a, b, c]],
    ['another order', [b, a]],
    ['other frames with the same text', frames('a', 'b')],
    ['no frames', []],
  ])('share nothing with %s', (_, other) => {
    const batches = new Batches();
    batches.join([a, b]);
    batches.join([a, b]);

    expect(batches.join(other)).toBeUndefined();
  });

  it('share a buffer with each of several groups', () => {
    const batches = new Batches();
    batches.join([a, b]);
    batches.join([b, c]);

    expect(batches.join([a, b])!.raw.toString()).toBe('ab');
    expect(batches.join([b, c])!.raw.toString()).toBe('bc');
  });

  it('are forgotten when there are too many different ones, the oldest first', () => {
    const batches = new Batches();
    const groups = Array.from({ length: 9 }, (_, n) => frames(`${n}`, 'x'));
    groups.forEach((group) => batches.join(group));

    expect(batches.join(groups[8]!)).toBeDefined();
    expect(batches.join(groups[1]!)).toBeDefined();
    expect(batches.join(groups[0]!)).toBeUndefined();
  });

  it('are forgotten when the flush is over', () => {
    const batches = new Batches();
    batches.join([a, b]);
    batches.clear();

    expect(batches.join([a, b])).toBeUndefined();
  });
});
