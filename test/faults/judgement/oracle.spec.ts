import { seededRandom } from '../../support/random.js';
import { ClientRecord } from './client-record.js';
import { Ledger } from './ledger.js';
import { Losses } from './losses.js';
import { judge } from './oracle.js';
import type { Rule } from './complaints.js';
import type { History } from './history.js';

const at = (position: number, epoch = 'a'): string =>
  `${epoch}-${String(position).padStart(4, '0')}`;

const everything = (_event: number): boolean => true;

/** A run in which all went well: ten events of two workers, and two clients that got them all. */
class Forgery implements History {
  readonly ledger = new Ledger();
  readonly losses = new Losses();
  readonly clients = [this.client('Client 1'), this.client('Client 2')];
  retained: number[] | undefined;

  client(name: string, selects = everything): ClientRecord {
    return new ClientRecord(name, selects, this.ledger);
  }

  /** Publishes `count` events that are acknowledged at the positions from `position` on. */
  publish(count: number, position: number, epoch = 'a', keyed = false): void {
    for (let i = 0; i < count; i++) {
      const event = this.ledger.publish(i % 2, keyed);
      this.ledger.acknowledge(event, at(position + i, epoch));
    }
  }

  /** A client begins, or goes on, and gets events by number where the ledger has them. */
  deliver(client: ClientRecord, ...events: number[]): void {
    if (client.spans.length === 0) {
      client.checkpoint(at(0));
    }
    for (const event of events) {
      client.event(event, this.ledger.cursorOf(event));
    }
  }

  get rules(): Rule[] {
    return [...new Set(judge(this).map(({ rule }) => rule))];
  }
}

/** `from` up to and without `to`. */
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

function good(): Forgery & { one: ClientRecord; two: ClientRecord } {
  const run = new Forgery();
  run.publish(10, 1);
  const [one, two] = run.clients;
  return Object.assign(run, { one: one!, two: two! });
}

function goodToTheEnd(): ReturnType<typeof good> {
  const run = good();
  run.deliver(run.one, ...range(0, 10));
  run.deliver(run.two, ...range(0, 10));
  run.retained = range(0, 10);
  return run;
}

describe('The oracle is content with', () => {
  it('a run in which everyone got everything', () => {
    expect(goodToTheEnd().rules).toEqual([]);
  });

  it('a client that came later, and one whose topics have some events only', () => {
    const run = goodToTheEnd();
    const late = run.client('late');
    late.checkpoint(at(7));
    run.deliver(late, 7, 8, 9);
    const odd = run.client('odd', (event) => event % 2 === 1);
    run.deliver(odd, 1, 3, 5, 7, 9);
    run.clients.push(late, odd);
    expect(run.rules).toEqual([]);
  });

  it('an event that all have, or none, and whose publish has failed', () => {
    const run = good();
    run.ledger.publish(0, false);
    const there = run.ledger.publish(0, false);
    for (const client of run.clients) {
      run.deliver(client, ...range(0, 10));
      client.event(there, at(12));
    }
    run.retained = [...range(0, 10), there];
    expect(run.rules).toEqual([]);
  });

  it('a lost history of which every client was told', () => {
    const run = good();
    run.losses.loseHistory();
    run.publish(5, 1, 'b');
    for (const client of run.clients) {
      run.deliver(client, ...range(0, 7));
      client.reset(at(0, 'b'), { reason: 'history-changed', lost: at(7) });
      run.deliver(client, ...range(10, 15));
    }
    run.retained = range(10, 15);
    expect(run.rules).toEqual([]);
  });

  it('trimmed history of which the client that was behind it was told', () => {
    const run = good();
    run.losses.trim(at(6));
    run.deliver(run.one, ...range(0, 10));
    run.deliver(run.two, 0, 1, 2);
    run.two.reset(at(9), { reason: 'evicted', lost: at(3) });
    run.deliver(run.two, 9);
    expect(run.rules).toEqual([]);
  });

  it('an event that was published again with its key when the first was lost with the history', () => {
    const run = new Forgery();
    const event = run.ledger.publish(0, true);
    const [one] = run.clients.splice(1);
    run.clients[0] = one!;
    one!.checkpoint(at(0));
    one!.event(event, at(1));
    run.losses.loseHistory();
    run.ledger.acknowledge(event, at(1, 'b'));
    one!.reset(at(0, 'b'), { reason: 'epoch', lost: at(1) });
    one!.event(event, at(1, 'b'));
    expect(run.rules).toEqual([]);
  });
});

describe('The oracle lets a node tell a client that its cursor is not in the log', () => {
  it.each<[string, Rule[], (losses: Losses) => void]>([
    ['when the tail was lost', [], (losses) => losses.loseTail('a')],
    ['and else not', ['needless reset'], (losses) => losses.loseHistory()],
  ])('%s', (_, rules, lose) => {
    const run = good();
    lose(run.losses);
    run.publish(2, 9, 'b');
    for (const client of run.clients) {
      run.deliver(client, ...range(0, 10));
      if (client === run.two) {
        client.reset(at(8), { reason: 'unknown', lost: at(10) });
      }
      client.reset(at(8, 'b'), { reason: 'history-changed', lost: at(10) });
      run.deliver(client, 10, 11);
    }
    expect(run.rules).toEqual(rules);
  });
});

describe('The oracle lets an event with a key', () => {
  it.each([
    ['come again when the first is trimmed', at(1), []],
    ['not come again while the first is retained', undefined, ['doubled']],
  ])('%s', (_, floor, rules) => {
    const run = new Forgery();
    const event = run.ledger.publish(0, true);
    run.ledger.place(event, at(1));
    if (floor !== undefined) run.losses.trim(floor);
    run.ledger.acknowledge(event, at(2));
    for (const client of run.clients) {
      client.checkpoint(at(0));
      client.event(event, at(1));
      client.event(event, at(2));
    }
    expect(run.rules).toEqual(rules);
  });
});

describe('The oracle complains of', () => {
  const seed = Number(process.env.FAULTS_SEED ?? Date.now() % 1e6);
  const random = seededRandom(seed);
  const any = (least: number, most: number): number =>
    least + Math.floor(random() * (most - least + 1));

  it.each<[string, Rule, (run: ReturnType<typeof good>) => void]>([
    [
      'an acknowledged event that one client has not',
      'lost',
      (run) => {
        const lost = any(0, 8);
        run.deliver(run.two, ...range(0, 10).filter((e) => e !== lost));
      },
    ],
    [
      'an acknowledged event that a checkpoint has skipped',
      'lost',
      (run) => {
        run.deliver(run.two, ...range(0, 5));
        run.two.checkpoint(at(7));
        run.deliver(run.two, 7, 8, 9);
      },
    ],
    [
      'an acknowledged event that nobody has',
      'lost',
      (run) => {
        run.ledger.acknowledge(run.ledger.publish(0, false), at(11));
        run.publish(1, 12);
        run.deliver(run.one, 11);
        run.deliver(run.two, ...range(0, 10), 11);
      },
    ],
    [
      'an event that a client got twice',
      'doubled',
      (run) => {
        const doubled = any(0, 9);
        run.deliver(run.two, ...range(0, doubled + 1), doubled);
        run.deliver(run.two, ...range(doubled + 1, 10));
      },
    ],
    [
      'a client that was sent back, and gets again what it had',
      'doubled',
      (run) => {
        run.deliver(run.two, ...range(0, 8), ...range(5, 10));
      },
    ],
    [
      'an event that the log has twice',
      'doubled',
      (run) => {
        run.ledger.place(4, at(11));
        run.one.event(4, at(11));
        run.deliver(run.two, ...range(0, 10));
        run.two.event(4, at(11));
      },
    ],
    [
      'an event that the log has twice under its key',
      'doubled',
      (run) => {
        const event = run.ledger.publish(0, true);
        for (const client of run.clients) {
          if (client !== run.one) run.deliver(client, ...range(0, 10));
          client.event(event, at(11));
          client.event(event, at(12));
        }
      },
    ],
    [
      'two events that one client has in another order',
      'order',
      (run) => {
        const swapped = any(0, 8);
        run.deliver(run.two, ...range(0, swapped), swapped + 1, swapped);
        run.deliver(run.two, ...range(swapped + 2, 10));
      },
    ],
    [
      "a worker's events in another order than it was acknowledged",
      'order',
      (run) => {
        run.ledger.acknowledge(run.ledger.publish(0, false), at(21));
        run.ledger.acknowledge(run.ledger.publish(0, false), at(20));
        run.deliver(run.one, 11, 10);
        run.deliver(run.two, ...range(0, 10), 11, 10);
      },
    ],
    [
      'an event whose publish has failed and that some have',
      'unequal',
      (run) => {
        const there = run.ledger.publish(0, false);
        run.publish(1, 12);
        run.one.event(there, at(11));
        run.deliver(run.one, 11);
        run.deliver(run.two, ...range(0, 10), 11);
      },
    ],
    [
      'another history that begins without a reset',
      'silent gap',
      (run) => {
        run.losses.loseHistory();
        run.publish(2, 1, 'b');
        run.one.reset(at(0, 'b'), { reason: 'epoch', lost: at(10) });
        run.deliver(run.one, 10, 11);
        run.deliver(run.two, ...range(0, 7), 10, 11);
      },
    ],
    [
      'another history that begins with a checkpoint',
      'silent gap',
      (run) => {
        run.losses.loseHistory();
        run.publish(2, 1, 'b');
        run.one.reset(at(0, 'b'), { reason: 'epoch', lost: at(10) });
        run.deliver(run.one, 10, 11);
        run.deliver(run.two, ...range(0, 10));
        run.two.checkpoint(at(0, 'b'));
        run.deliver(run.two, 10, 11);
      },
    ],
    [
      'a checkpoint that moves back',
      'silent gap',
      (run) => {
        run.deliver(run.two, ...range(0, 10));
        run.two.checkpoint(at(any(1, 9)));
        run.two.checkpoint(at(10));
      },
    ],
    [
      'a reset where nothing is gone',
      'needless reset',
      (run) => {
        run.losses.trim(at(3));
        run.deliver(run.two, ...range(0, 5));
        run.two.reset(at(5), { reason: 'evicted', lost: at(5) });
        run.deliver(run.two, ...range(5, 10));
      },
    ],
    [
      'a reset of a cursor that is said to be malformed',
      'needless reset',
      (run) => {
        run.deliver(run.two, ...range(0, 5));
        run.two.reset(at(5), { reason: 'malformed', lost: null });
        run.deliver(run.two, ...range(5, 10));
      },
    ],
    [
      'a history that begins without a loss',
      'needless reset',
      (run) => {
        run.publish(1, 1, 'b');
        run.one.reset(at(0, 'b'), { reason: 'epoch', lost: at(10) });
        run.deliver(run.one, 10);
        run.deliver(run.two, ...range(0, 10));
        run.two.reset(at(0, 'b'), { reason: 'epoch', lost: at(10) });
        run.deliver(run.two, 10);
      },
    ],
    [
      'a client that was sent back to a history that is lost',
      'needless reset',
      (run) => {
        run.losses.loseHistory();
        run.publish(1, 1, 'b');
        run.one.reset(at(0, 'b'), { reason: 'epoch', lost: at(10) });
        run.deliver(run.one, 10);
        run.deliver(run.two, ...range(0, 10));
        run.two.reset(at(0, 'b'), { reason: 'epoch', lost: at(10) });
        run.deliver(run.two, 10);
        run.two.reset(at(10), { reason: 'epoch', lost: at(1, 'b') });
        run.two.reset(at(1, 'b'), { reason: 'history-changed', lost: at(10) });
      },
    ],
    [
      'a reset that moves the client back',
      'doubled',
      (run) => {
        run.losses.trim(at(8));
        run.deliver(run.two, ...range(0, 10));
        run.two.reset(at(8), { reason: 'history-changed', lost: at(7) });
        run.deliver(run.two, 8, 9);
      },
    ],
    [
      'an event that comes again after a reset, in a history that shares its past',
      'doubled',
      (run) => {
        run.losses.loseHistory();
        run.deliver(run.two, ...range(0, 10));
        for (const client of run.clients) {
          client.reset(at(7, 'b'), { reason: 'epoch', lost: at(10) });
          for (const event of [7, 8]) client.event(event, at(event + 1, 'b'));
        }
      },
    ],
    [
      'a client that has not got the last event',
      'not converged',
      (run) => run.deliver(run.two, ...range(0, any(1, 9))),
    ],
    [
      'an event without an id',
      'id',
      (run) => {
        run.deliver(run.two, ...range(0, 9));
        run.two.event(9, undefined);
      },
    ],
    [
      'two events under one cursor',
      'id',
      (run) => {
        run.ledger.acknowledge(run.ledger.publish(0, false), at(10));
        run.deliver(run.two, ...range(0, 10));
      },
    ],
    [
      'an event of a topic that the client has not asked for',
      'id',
      (run) => {
        run.deliver(run.two, ...range(0, 10));
        const odd = run.client('odd', (event) => event % 2 === 1);
        run.deliver(odd, 1, 2, 3, 5, 7, 9);
        run.clients.push(odd);
      },
    ],
    [
      'a log that has kept an event that nobody has',
      'retained',
      (run) => {
        run.deliver(run.two, ...range(0, 10));
        const there = run.ledger.publish(0, false);
        run.retained = [...range(0, 9), there, 9];
      },
    ],
    [
      'a log that has another order than the clients',
      'retained',
      (run) => {
        run.deliver(run.two, ...range(0, 10));
        run.retained = [...range(0, 5), 6, 5, ...range(7, 10)];
      },
    ],
    [
      'a log that has kept nothing',
      'retained',
      (run) => {
        run.deliver(run.two, ...range(0, 10));
        run.retained = [];
      },
    ],
  ])(`%s (seed ${seed})`, (_, rule, forge) => {
    const run = good();
    run.deliver(run.one, ...range(0, 10));
    forge(run);
    expect(run.rules).toContain(rule);
  });
});
