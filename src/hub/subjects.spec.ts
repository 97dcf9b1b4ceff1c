import { jest } from '@jest/globals';
import fc from 'fast-check';
import { Subscription } from 'rxjs';
import type { Audience } from '../log/event-log.js';
import { HubEvent } from './hub-event.js';
import { Selection } from './selection.js';
import type { Listener, SelectionOptions } from './selection.js';
import { Subjects } from './subjects.js';

const eventOf = (topic: string, audience?: Audience): HubEvent =>
  new HubEvent({ topic, type: 'message', text: '1', time: 0, audience });

const select = (options: SelectionOptions, listener: Listener = {}) =>
  new Selection('hub.stream', options, listener);

/** What an observer gets of an event, without repetitions in a row. */
function observe(subjects: Subjects, selection: Selection) {
  const received: HubEvent[] = [];
  const subscription = subjects.observe(selection, {
    next: (event) => {
      if (event !== received.at(-1)) {
        received.push(event);
      }
    },
  });
  return { received, subscription };
}

describe('Subjects hand an event', () => {
  it('to those who observe its topic, and to nobody else', () => {
    const subjects = new Subjects();
    const movies = observe(subjects, select({ topics: ['movies'] }));
    const users = observe(subjects, select({ topics: ['users.42'] }));
    const pattern = observe(subjects, select({ patterns: ['users.*'] }));
    const event = eventOf('users.42');

    expect(subjects.dispatch(event)).toBe(2);
    expect(movies.received).toEqual([]);
    expect(users.received).toEqual([event]);
    expect(pattern.received).toEqual([event]);
  });

  it('in a row to one who observes it in several ways', () => {
    const subjects = new Subjects();
    const received: HubEvent[] = [];
    subjects.observe(
      select(
        { topics: ['a', 'a'], patterns: ['*', '**'] },
        { userId: '1', roles: ['x'] },
      ),
      { next: (event) => received.push(event) },
    );
    const first = eventOf('a', { users: ['1'], roles: ['x'] });
    const second = eventOf('a', { users: ['1'], roles: ['x'] });
    subjects.dispatch(first);
    subjects.dispatch(second);

    expect(received).toEqual([
      ...Array<HubEvent>(4).fill(first),
      ...Array<HubEvent>(4).fill(second),
    ]);
  });

  it('once to an observer of a topic, however often it names user and role', () => {
    const subjects = new Subjects();
    const next = jest.fn();
    subjects.observe(select({ topics: ['a'] }, { userId: '1' }), { next });
    subjects.dispatch(eventOf('a', { users: ['1', '1', '2'] }));

    expect(next).toHaveBeenCalledTimes(1);
  });

  it('for one user to that user’s observers only, without asking the others', () => {
    const subjects = new Subjects();
    const others = jest.fn();
    const options = { topics: ['a'], patterns: ['**'] };
    for (let id = 0; id < 100; id++) {
      subjects.observe(select(options, { userId: `${id}`, roles: ['r'] }), {
        next: id === 42 ? undefined : others,
      });
    }
    subjects.observe(select(options), { next: others });

    expect(subjects.dispatch(eventOf('a', { users: ['42'] }))).toBe(1);
    expect(others).not.toHaveBeenCalled();
  });

  it('for a user not to a stream that has ended while it is handed on', () => {
    const subjects = new Subjects();
    const selection = select({ topics: ['a'] }, { userId: '1' });
    const later = observe(subjects, select({ topics: ['b'] }, { userId: '1' }));
    const first = subjects.observe(selection, {
      next: () => second.subscription.unsubscribe(),
    });
    const second = observe(subjects, selection);
    subjects.dispatch(eventOf('a', { users: ['1'] }));

    expect(second.received).toEqual([]);
    expect(later.received).toEqual([]);
    first.unsubscribe();
    later.subscription.unsubscribe();
    expect(subjects.size).toBe(0);
  });

  it('for a user to the user before server code that asked for all', () => {
    const subjects = new Subjects();
    const order: string[] = [];
    subjects.observe(select({ topics: ['a'] }, { all: true }), {
      next: () => order.push('server'),
    });
    subjects.observe(select({ topics: ['a'] }, { userId: '1' }), {
      next: () => order.push('user'),
    });
    subjects.dispatch(eventOf('a', { users: ['1'] }));

    expect(order).toEqual(['user', 'server']);
  });

  it('for nobody to nobody but server code that asked for all', () => {
    const subjects = new Subjects();
    const user = observe(
      subjects,
      select({ topics: ['a'] }, { userId: '', roles: [''] }),
    );
    const anyone = observe(subjects, select({ topics: ['a'] }));
    const server = observe(subjects, select({ topics: ['a'] }, { all: true }));

    expect(subjects.dispatch(eventOf('a', { users: [], roles: [] }))).toBe(1);
    expect(user.received).toEqual([]);
    expect(anyone.received).toEqual([]);
    expect(server.received).toHaveLength(1);
  });

  it.each([
    ['a role of the same name', { roles: ['1'] }],
    ['a user whose id looks like a key', { users: ['1 role admin'] }],
    ['a user called all', { users: ['all'] }],
    ['a user with an empty id', { users: [''] }],
  ])('for %s not to a user 1 who is admin', (_, audience) => {
    const subjects = new Subjects();
    const { received } = observe(
      subjects,
      select({ topics: ['a'] }, { userId: '1', roles: ['admin'] }),
    );
    subjects.dispatch(eventOf('a', audience));

    expect(received).toEqual([]);
  });

  it('exactly when its selection covers it', () => {
    const ids = fc.constantFrom('1', '2', ' user 1', 'all', '');
    const lists = fc.option(fc.array(ids, { maxLength: 2 }), {
      nil: undefined,
    });
    const names = fc.constantFrom('a', 'b', 'a.b');
    fc.assert(
      fc.property(
        fc.record({
          topics: fc.array(names, { maxLength: 2 }),
          patterns: fc.array(fc.constantFrom('a', '*', 'a.*', '**'), {
            minLength: 1,
            maxLength: 2,
          }),
        }),
        fc.record({
          userId: fc.option(ids, { nil: undefined }),
          roles: lists,
        }),
        names,
        fc.option(fc.record({ users: lists, roles: lists }), {
          nil: undefined,
        }),
        (options, listener, topic, audience) => {
          const subjects = new Subjects();
          const selection = select(options, listener);
          const { received, subscription } = observe(subjects, selection);
          const event = eventOf(topic, audience);
          subjects.dispatch(event);
          expect(received).toEqual(selection.covers(event) ? [event] : []);
          subscription.unsubscribe();
          expect(subjects.size).toBe(0);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('Subjects exist', () => {
  it('while observed: made first, shared, dropped last', () => {
    const subjects = new Subjects();
    const options = { topics: ['a', 'b'], patterns: ['*'] };
    const first = observe(subjects, select(options));
    const size = subjects.size;
    const second = observe(subjects, select(options));

    expect(size).toBe(3);
    expect(subjects.size).toBe(size);
    first.subscription.unsubscribe();
    expect(subjects.size).toBe(size);
    expect(subjects.dispatch(eventOf('a'))).toBe(2);
    second.subscription.unsubscribe();
    expect(subjects.size).toBe(0);
    expect(subjects.dispatch(eventOf('a'))).toBe(0);
  });

  it('no longer when observers with repeated roles have left', () => {
    const subjects = new Subjects();
    const { subscription } = observe(
      subjects,
      select({ topics: ['a'] }, { userId: '1', roles: ['x', 'x'] }),
    );
    subscription.unsubscribe();
    subscription.unsubscribe();

    expect(subjects.size).toBe(0);
  });

  it('no longer when observers leave in any order', () => {
    const selections = fc.record({
      topics: fc.uniqueArray(fc.constantFrom('a', 'b'), { minLength: 1 }),
      patterns: fc.uniqueArray(fc.constantFrom('*', '**', 'a.*')),
      userId: fc.constantFrom(undefined, '1', '2'),
    });
    fc.assert(
      fc.property(
        fc.array(selections, { maxLength: 6 }),
        fc.infiniteStream(fc.nat(5)),
        (all, choices) => {
          const subjects = new Subjects();
          const open = all.map(({ userId, ...options }) =>
            subjects.observe(select(options, { userId }), {}),
          );
          while (open.length > 0) {
            const { value } = choices.next();
            open.splice(value % open.length, 1)[0]!.unsubscribe();
          }
          expect(subjects.size).toBe(0);
        },
      ),
    );
  });
});

describe('while an event is handed out', () => {
  it('an observer may leave: it gets nothing more, others do', () => {
    const subjects = new Subjects();
    const options = { topics: ['a'], patterns: ['*', '**'] };
    const leaver = jest.fn(() => subscription.unsubscribe());
    const subscription: Subscription = subjects.observe(select(options), {
      next: leaver,
    });
    const stayer = observe(subjects, select(options));
    subjects.dispatch(eventOf('a'));

    expect(leaver).toHaveBeenCalledTimes(1);
    expect(stayer.received).toHaveLength(1);
    expect(subjects.size).toBe(3);
  });

  it('an observer may make another one leave', () => {
    const subjects = new Subjects();
    const subscriptions = new Subscription();
    subjects.observe(select({ topics: ['a'] }), {
      next: () => subscriptions.unsubscribe(),
    });
    const other = observe(subjects, select({ topics: ['a'], patterns: ['*'] }));
    subscriptions.add(other.subscription);
    subjects.dispatch(eventOf('a'));

    expect(other.received).toEqual([]);
    expect(subjects.size).toBe(1);
  });

  it('an observer may leave and observe again', () => {
    const subjects = new Subjects();
    const received: HubEvent[] = [];
    let subscription = new Subscription();
    const again = (): void => {
      subscription.unsubscribe();
      subscription = subjects.observe(select({ topics: ['a'] }), {
        next: (event) => {
          received.push(event);
          again();
        },
      });
    };
    again();
    subjects.dispatch(eventOf('a'));
    subjects.dispatch(eventOf('a'));

    expect(received).toHaveLength(2);
    expect(subjects.size).toBe(1);
  });
});

it('completing them completes every observer, also those that leave meanwhile', () => {
  const subjects = new Subjects();
  const completed: string[] = [];
  const topic = subjects.observe(select({ topics: ['a'] }), {
    complete: () => {
      completed.push('topic');
      topic.unsubscribe();
    },
  });
  const pattern = subjects.observe(select({ patterns: ['*'] }), {
    complete: () => {
      completed.push('pattern');
      pattern.unsubscribe();
    },
  });
  subjects.complete();

  expect(completed).toEqual(['topic', 'pattern']);
  expect(subjects.size).toBe(0);
});
