import type { ControlEntry } from '../hub/control-entry.js';
import { RecentControlEntries } from './recent-control-entries.js';

const entry = (user: number): ControlEntry => ({
  type: 'hub.refresh',
  user: `${user}`,
});

describe('the recent entries of the hub', () => {
  it('are, for a request, those that came after it', () => {
    const recent = new RecentControlEntries(() => 0);
    expect(recent.since(recent.count)).toEqual([]);
    recent.add(entry(1));
    const mark = recent.count;
    recent.add(entry(2));
    recent.add(entry(3));
    expect(recent.since(0)).toEqual([entry(1), entry(2), entry(3)]);
    expect(recent.since(mark)).toEqual([entry(2), entry(3)]);
    expect(recent.since(recent.count)).toEqual([]);
  });

  it('are bounded in number: an older request cannot be answered', () => {
    const recent = new RecentControlEntries(() => 0, {
      entries: 2,
      milliseconds: 1_000,
    });
    [1, 2, 3].forEach((user) => recent.add(entry(user)));
    expect(recent.count).toBe(3);
    expect(recent.since(0)).toBeUndefined();
    expect(recent.since(1)).toEqual([entry(2), entry(3)]);
  });

  it('are bounded in age, by which a request without any after it is not concerned', () => {
    let now = 0;
    const recent = new RecentControlEntries(() => now, {
      entries: 100,
      milliseconds: 1_000,
    });
    recent.add(entry(1));
    now = 600;
    recent.add(entry(2));
    const mark = recent.count;
    now = 999;
    expect(recent.since(0)).toEqual([entry(1), entry(2)]);
    now = 1_000;
    expect(recent.since(0)).toBeUndefined();
    expect(recent.since(1)).toEqual([entry(2)]);
    now = 10_000;
    expect(recent.since(1)).toBeUndefined();
    expect(recent.since(mark)).toEqual([]);
    recent.add(entry(3));
    expect(recent.since(mark)).toEqual([entry(3)]);
  });

  it('that nobody knows are known to be missing, for who arrived before', () => {
    const recent = new RecentControlEntries(() => 0);
    const first = recent.count;
    recent.missed();
    const second = recent.count;
    expect(recent.since(first)).toBeUndefined();
    expect(recent.since(second)).toEqual([]);
    recent.add(entry(1));
    expect(recent.since(first)).toBeUndefined();
    expect(recent.since(second)).toEqual([entry(1)]);
    recent.missed();
    expect(recent.since(second)).toBeUndefined();
    expect(recent.since(recent.count)).toEqual([]);
  });
});
