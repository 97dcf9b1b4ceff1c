import fc from 'fast-check';
import type { LogRecord } from '../log/event-log.js';
import { CONTROL_TOPIC } from './control-entry.js';
import { EPHEMERAL, EarlyEvents, toSignal } from './early-events.js';

const record = (data: unknown, more: Partial<LogRecord> = {}): LogRecord => ({
  topic: 'news',
  type: 'message',
  data: JSON.stringify(data),
  time: 7,
  ...more,
});

const cursor = (position: number): string =>
  `e-${String(position).padStart(4, '0')}`;

/** A node that has met so many entries. */
function node() {
  const seen: unknown[] = [];
  const state = { met: 0, time: 0, seen };
  const early = new EarlyEvents(
    (entry) => entry <= cursor(state.met) && entry.startsWith('e-'),
    ({ data }) => seen.push(JSON.parse(data)),
    () => state.time,
  );
  return {
    state,
    take: (data: unknown, after: string) =>
      early.take(toSignal(record(data), after).data),
    meet: (position: number) => {
      state.met = position;
      early.release();
    },
  };
}

describe('An ephemeral event on its way to other nodes', () => {
  it('is a signal of the hub that holds it as it is', () => {
    const given = record({ a: 'x\n' }, { audience: { users: ['7'] } });
    const signal = toSignal(given, cursor(3));
    expect(signal).toMatchObject({ topic: CONTROL_TOPIC, type: EPHEMERAL });
    const taken: LogRecord[] = [];
    new EarlyEvents(
      () => true,
      (each) => taken.push(each),
    ).take(signal.data);
    expect(taken).toEqual([given]);
  });

  it('is handed on at once where its sender has met no more', () => {
    const { state, take, meet } = node();
    meet(3);
    take('a', cursor(2));
    take('b', cursor(3));
    expect(state.seen).toEqual(['a', 'b']);
  });

  it('waits for what its sender had met, in order, and lets others pass', () => {
    const { state, take, meet } = node();
    take('a', cursor(2));
    take('b', cursor(1));
    take('c', cursor(2));
    take('d', cursor(0));
    expect(state.seen).toEqual(['d']);
    meet(1);
    expect(state.seen).toEqual(['d', 'b']);
    meet(2);
    meet(3);
    expect(state.seen).toEqual(['d', 'b', 'a', 'c']);
  });

  it('is lost when that takes long, also where it is of a history that is no more', () => {
    const { state, take, meet } = node();
    take('late', cursor(1));
    take('other', 'd-0000');
    state.time = 10_000;
    meet(1);
    expect(state.seen).toEqual([]);
  });

  it.each([
    ['in number', 1, 1_000],
    ['in bytes', 256 * 1024 - 2, 4],
  ])('is lost when too many wait, %s', (_, length, most) => {
    const { state, take, meet } = node();
    for (let n = 0; n < most + 3; n++) {
      take(String(n % 10).repeat(length), cursor(1));
    }
    meet(1);
    expect(state.seen).toHaveLength(most);
    for (let n = 0; n < most; n++) {
      take(String(n % 10).repeat(length), cursor(2));
    }
    meet(2);
    expect(state.seen).toHaveLength(2 * most);
  });

  it('never comes before its entry, and each comes once', () => {
    const step = fc.oneof(
      fc.record({ after: fc.nat(20) }),
      fc.record({ meets: fc.nat(3) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { state, take, meet } = node();
        const sent: number[][] = [];
        steps.forEach((each, n) => {
          if ('after' in each) {
            sent.push([n, each.after]);
            take([n, each.after], cursor(each.after));
          } else {
            meet(state.met + each.meets);
          }
          for (const [, after] of state.seen as number[][]) {
            expect(after).toBeLessThanOrEqual(state.met);
          }
        });
        meet(20);
        expect(
          (state.seen as number[][]).toSorted(([a], [b]) => a! - b!),
        ).toEqual(sent);
      }),
    );
  });
});
