import { jest } from '@jest/globals';
import type { LogGap, LogRecord } from '../event-log.js';
import { MemoryTail } from './memory-tail.js';

const recordOf = (data: string): LogRecord => ({
  topic: 'movies',
  type: 'message',
  data,
  time: 0,
});

const gap: LogGap = { epoch: 'e', floor: 'e-1', position: 'e-2' };

function open() {
  const onPull = jest.fn();
  const onReturn = jest.fn();
  return { tail: new MemoryTail(onPull, onReturn), onPull, onReturn };
}

describe('MemoryTail', () => {
  it('yields what was pushed before it was read, as one batch in order', async () => {
    const { tail } = open();
    const [a, b, c] = ['a', 'b', 'c'].map(recordOf) as [
      LogRecord,
      LogRecord,
      LogRecord,
    ];
    tail.push([a, b], 'e-1');
    tail.push([c], 'e-2');

    expect(await tail.next()).toEqual({
      done: false,
      value: { records: [a, b, c], floor: 'e-2' },
    });
  });

  it('gives a reader who waits what is pushed next', async () => {
    const { tail } = open();
    const next = tail.next();
    tail.push([recordOf('a')]);
    tail.push([recordOf('b')]);

    expect((await next).value).toMatchObject({ records: [recordOf('a')] });
    expect((await tail.next()).value).toMatchObject({
      records: [recordOf('b')],
    });
  });

  it('yields a floor without records, and nothing for no news', async () => {
    const { tail } = open();
    const next = tail.next();
    tail.push([]);
    tail.push([], 'e-5');

    expect((await next).value).toEqual({ records: [], floor: 'e-5' });
  });

  it('yields a gap before what was pushed after it', async () => {
    const { tail } = open();
    tail.gap(gap);
    tail.push([recordOf('a')]);

    expect((await tail.next()).value).toEqual({ gap });
    expect((await tail.next()).value).toMatchObject({
      records: [recordOf('a')],
    });
  });

  it('gives a reader who waits a gap at once', async () => {
    const { tail } = open();
    const next = tail.next();
    tail.gap(gap);

    expect((await next).value).toEqual({ gap });
  });

  it('lags by what waits to be pulled, and tells when it was pulled', async () => {
    const { tail, onPull } = open();
    tail.push([recordOf('abc'), recordOf('de')]);
    expect(tail.lag).toBe(5);
    expect(onPull).not.toHaveBeenCalled();

    await tail.next();

    expect(tail.lag).toBe(0);
    expect(onPull).toHaveBeenCalledTimes(1);
  });

  it('yields what is left, then ends', async () => {
    const { tail } = open();
    tail.push([recordOf('a')]);
    tail.end();

    expect((await tail.next()).done).toBe(false);
    expect(await tail.next()).toEqual({ done: true, value: undefined });
    expect(await tail.next()).toEqual({ done: true, value: undefined });
  });

  it('ends for a reader who waits', async () => {
    const { tail } = open();
    const next = tail.next();
    tail.end();

    expect((await next).done).toBe(true);
  });

  it('tells when its reader leaves the loop, and yields nothing afterwards', async () => {
    const { tail, onReturn } = open();
    tail.push([recordOf('a')]);
    for await (const batch of tail) {
      expect(batch).toMatchObject({ records: [recordOf('a')] });
      tail.push([recordOf('b')]);
      break;
    }

    expect(onReturn).toHaveBeenCalledTimes(1);
    expect((await tail.next()).done).toBe(true);
  });
});
