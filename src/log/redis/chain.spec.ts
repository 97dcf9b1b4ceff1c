import { Chain } from './chain.js';
import { newEpoch, nextEpoch } from './epoch.js';
import { toCursor } from './position.js';
import type { RawEntry } from './stored-entry.js';

const epoch = newEpoch(1_000, () => 0.5);
const later = nextEpoch(epoch, 2_000, () => 0.5);
const other = newEpoch(3_000, () => 0.5);

const rawOf = (
  id: string,
  previous: string,
  event = ['t', 'm'],
  data = '1',
): RawEntry => [
  id,
  ['at', `${previous} 7 99`, 'event', JSON.stringify(event), 'data', data],
];

const markOf = (id: string, previous: string, name: string): RawEntry =>
  rawOf(id, previous, ['*hub', 'hub.history'], JSON.stringify({ epoch: name }));

const idsOf = (chain: Chain, raw: RawEntry[]) =>
  chain.take(raw).entries.map(({ cursor }) => cursor);

const at = (id: string, name = epoch) => toCursor(name, id);

describe('Chain', () => {
  it('takes entries that follow one another', () => {
    const chain = new Chain(at('1-0'));

    expect(idsOf(chain, [rawOf('2-0', '1-0'), rawOf('2-1', '2-0')])).toEqual([
      at('2-0'),
      at('2-1'),
    ]);
    expect([chain.position, chain.offset]).toEqual(['2-1', '2-1']);
  });

  it('takes none behind a hole, and goes on behind it when it was confirmed', () => {
    const chain = new Chain(at('1-0'));
    const raw = [rawOf('2-0', '1-0'), rawOf('4-0', '3-0')];
    const taken = chain.take(raw);

    expect(taken).toMatchObject({ isDoubtful: true });
    expect(taken.entries).toHaveLength(1);
    expect(chain.confirm({ epoch, floor: '0-5', from: '3-0' })).toEqual({
      epoch,
      floor: at('3-0'),
      position: at('3-0'),
    });
    expect(idsOf(chain, raw.slice(1))).toEqual([at('4-0')]);
  });

  it('asks about the first entry of a history once, which could be of another', () => {
    const chain = new Chain(at('0-0'));
    const raw = [rawOf('1-0', '0-0'), rawOf('2-0', '1-0')];

    expect(chain.take(raw)).toMatchObject({ entries: [], isDoubtful: true });
    expect(chain.confirm({ epoch, floor: '0-0', from: '0-0' })).toBeUndefined();
    expect(idsOf(chain, raw)).toEqual([at('1-0'), at('2-0')]);
  });

  it('asks where another epoch is marked, and passes marks of epochs that are over', () => {
    const chain = new Chain(at('1-0'));
    const raw = [markOf('2-0', '1-0', later), rawOf('3-0', '2-0')];

    expect(chain.take(raw)).toMatchObject({ entries: [], isDoubtful: true });
    expect(chain.confirm({ epoch: later, floor: '0-0', from: '1-0' })).toEqual({
      epoch: later,
      floor: at('0-0', later),
      position: at('1-0', later),
    });
    expect(idsOf(chain, raw)).toEqual([at('2-0', later), at('3-0', later)]);

    const fresh = new Chain(at('1-0', later));
    const past = [markOf('2-0', '1-0', epoch), rawOf('3-0', '2-0')];
    expect(fresh.take(past).isDoubtful).toBe(true);
    fresh.confirm({ epoch: later, floor: '0-0', from: '1-0' });
    expect(idsOf(fresh, past)).toEqual([at('2-0', later), at('3-0', later)]);
  });

  it('goes back to where the histories part, if they were one', () => {
    const chain = new Chain(at('9-0'));

    expect(chain.confirm({ epoch: later, floor: '1-0', from: '5-0' })).toEqual({
      epoch: later,
      floor: at('1-0', later),
      position: at('5-0', later),
    });
    expect(chain.offset).toBe('5-0');
  });

  it('goes on where it is told in a history that it shares nothing with', () => {
    const chain = new Chain(at('9-0'));

    expect(chain.confirm({ epoch: other, floor: '1-0', from: '1-0' })).toEqual({
      epoch: other,
      floor: at('1-0', other),
      position: at('1-0', other),
    });
  });

  it('begins at the floor after a cursor that is none', () => {
    const chain = new Chain('nonsense');

    expect(chain.confirm({ epoch, floor: '3-0', from: '3-0' })).toMatchObject({
      position: at('3-0'),
    });
  });

  it('passes over entries that are not of the log, and reads on behind them', () => {
    const chain = new Chain(at('1-0'));
    const foreign: RawEntry = ['2-0', ['a', 'b']];
    const taken = chain.take([foreign, rawOf('3-0', '1-0'), ['4-0', []]]);

    expect(taken).toMatchObject({ isDoubtful: false, hasForeign: true });
    expect(taken.entries).toHaveLength(1);
    expect([chain.position, chain.offset]).toEqual(['3-0', '4-0']);
  });
});
