import { BURST, type Scale } from '../options.js';
import { servers } from '../servers/catalogue.js';
import type { ServerFigures } from './medians.js';
import { table } from './table.js';

interface Column {
  title: string;
  figure: string;
  digits: number;
}

/** What stands for a figure that a server does not have. */
const NONE = '–';

/** A table for each group of figures that was measured. */
export function figureTables(figures: ServerFigures, scale: Scale): string[] {
  const subscribers = `${format(scale.subscribers)} subscribers`;
  return [
    figureTable(
      `One event at a time, ${subscribers}`,
      deliveryColumns('single'),
      figures,
    ),
    figureTable(
      `Bursts of ${BURST}, ${subscribers}`,
      deliveryColumns('burst'),
      figures,
    ),
    figureTable(
      `Per connection, at ${format(scale.idle)}`,
      connectionColumns,
      figures,
    ),
    figureTable(
      "CPU per publish to one user's topic",
      userColumns('userTopics', scale),
      figures,
    ),
    figureTable(
      'CPU per publish to one user of a topic that all share',
      userColumns('audience', scale),
      figures,
    ),
    figureTable('Publish to delivery, by log', logColumns, figures),
    figureTable(
      `${format(scale.returning)} clients, ${scale.missed} events behind`,
      reconnectColumns,
      figures,
    ),
    figureTable(
      'The same at a node that was just started',
      restartColumns,
      figures,
    ),
  ].filter((text) => text !== undefined);
}

function deliveryColumns(kind: 'single' | 'burst'): Column[] {
  return [
    { title: 'CPU µs per delivery', figure: `${kind}.cpu`, digits: 2 },
    { title: 'deliveries/s', figure: `${kind}.rate`, digits: 0 },
    { title: 'p50 ms', figure: `${kind}.p50`, digits: 1 },
    { title: 'p99 ms', figure: `${kind}.p99`, digits: 1 },
    { title: 'load client', figure: `${kind}.clientLoad`, digits: 2 },
  ];
}

const connectionColumns: readonly Column[] = [
  { title: 'KiB RSS, idle', figure: 'rss', digits: 1 },
  { title: 'KiB heap + external', figure: 'used', digits: 1 },
  { title: 'CPU µs to connect', figure: 'connectCpu', digits: 0 },
];

const logColumns: readonly Column[] = [
  { title: 'p50 ms', figure: 'log.p50', digits: 2 },
  { title: 'p99 ms', figure: 'log.p99', digits: 2 },
  { title: 'one at a time, /s', figure: 'log.rateSingle', digits: 0 },
  { title: 'publishes/s', figure: 'log.rate', digits: 0 },
  { title: 'CPU µs a publish', figure: 'log.cpu', digits: 1 },
  { title: 'at another node', figure: 'log.followCpu', digits: 1 },
];

const reconnectColumns: readonly Column[] = [
  { title: 'CPU µs, new', figure: 'reconnects.plain', digits: 0 },
  { title: 'CPU µs, behind', figure: 'reconnects.cpu', digits: 0 },
  { title: 'log reads each', figure: 'reconnects.reads', digits: 4 },
];

const restartColumns: readonly Column[] = [
  { title: 'CPU µs, new', figure: 'reconnects.coldPlain', digits: 0 },
  { title: 'CPU µs, behind', figure: 'reconnects.coldCpu', digits: 0 },
  { title: 'log reads each', figure: 'reconnects.coldReads', digits: 4 },
  {
    title: 'engine reads each',
    figure: 'reconnects.coldEngineReads',
    digits: 4,
  },
  { title: 'all done ms', figure: 'reconnects.coldWall', digits: 0 },
  { title: 'ready ms', figure: 'reconnects.ready', digits: 0 },
  { title: 'ready ms, no history', figure: 'reconnects.readyEmpty', digits: 0 },
];

function userColumns(
  kind: 'userTopics' | 'audience',
  { fewUsers, manyUsers }: Scale,
): Column[] {
  return [
    {
      title: `µs, ${format(fewUsers)} users`,
      figure: `${kind}.few`,
      digits: 0,
    },
    {
      title: `µs, ${format(manyUsers)} users`,
      figure: `${kind}.many`,
      digits: 0,
    },
  ];
}

function figureTable(
  title: string,
  columns: readonly Column[],
  figures: ServerFigures,
): string | undefined {
  const rows = servers
    .filter(({ name }) => figures[name]?.[columns[0].figure] !== undefined)
    .map(({ name, title }) => [
      title,
      ...columns.map(({ figure, digits }) =>
        format(figures[name][figure], digits),
      ),
    ]);
  if (rows.length === 0) return undefined;
  return table([title, ...columns.map((column) => column.title)], rows);
}

function format(value: number | undefined, digits = 0): string {
  if (value === undefined) return NONE;
  return value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
