import type { Complaint } from './judgement/complaints.js';
import type { Trial } from './trial.js';

/** The figures of a run and its verdict. */
export function report(trial: Trial, complaints: readonly Complaint[]): string {
  const { losses, ledger } = trial;
  const { browsers, workers } = trial.crowd;
  const sum = <Item>(items: readonly Item[], of: (item: Item) => number) =>
    items.reduce((total, item) => total + of(item), 0);
  const most = <Item>(items: readonly Item[], of: (item: Item) => number) =>
    Math.max(...items.map(of));
  const number = (value: number): string => value.toLocaleString('en');
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
  const made = [...trial.faults].sort(([a], [b]) => (a < b ? -1 : 1));
  const rows: [string, string][] = [
    ['seed', String(trial.options.seed)],
    ['length', seconds(trial.age)],
    ['events published', number(ledger.published.length)],
    [
      'events acknowledged',
      number(ledger.published.filter((event) => event.acknowledged).length),
    ],
    ['publishes failed', number(sum(workers, ({ figures }) => figures.failed))],
    [
      'publishes repeated with their key',
      number(sum(workers, ({ figures }) => figures.repeated)),
    ],
    [
      'slowest failure of a publish',
      seconds(most(workers, ({ figures }) => figures.slowestFailure)),
    ],
    ['deliveries', number(sum(browsers, ({ record }) => record.count))],
    [
      'connects of clients',
      number(sum(browsers, ({ figures }) => figures.connects)),
    ],
    [
      'of these without an answer',
      number(sum(browsers, ({ figures }) => figures.refusals)),
    ],
    [
      'streams cut, as the client took nothing',
      number(sum(browsers, ({ figures }) => figures.slowCuts)),
    ],
    [
      'streams ended or refused without a cause',
      number(sum(browsers, ({ figures }) => figures.unexplained)),
    ],
    ['cuts between a command and its reply', number(trial.repliesLost)],
    ['resets told', number(sum(browsers, ({ figures }) => figures.resets))],
    [
      'histories lost, trimmed, begun',
      `${losses.histories.length}, ${losses.floors.length}, ${ledger.epochs.size}`,
    ],
    [
      'longest outage of a publisher',
      seconds(most(workers, ({ figures }) => figures.longestOutage)),
    ],
    [
      'longest outage of a client',
      seconds(most(browsers, ({ figures }) => figures.longestWithout)),
    ],
    ['longest recovery of all', seconds(trial.longestRecovery)],
    ['faults made', number(sum(made, ([, times]) => times))],
    ...made.map(([name, times]): [string, string] => [
      `  ${name}`,
      number(times),
    ]),
    [
      'verdict',
      complaints.length === 0
        ? 'every promise was kept'
        : `${complaints.length} complaints`,
    ],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const end = Math.max(...rows.map(([, value]) => value.length));
  return [
    ...rows.map(
      ([name, value]) => `${name.padEnd(width)}  ${value.padStart(end)}`,
    ),
    ...complaints.map(({ rule, text }) => `${rule}: ${text}`),
  ].join('\n');
}
