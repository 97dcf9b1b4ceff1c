import { BURST, type Scale } from '../options.js';
import { servers } from '../servers/catalogue.js';
import type { ServerFigures } from './medians.js';
import { table } from './table.js';

interface Column {
  title: string;
  figure: string;
  digits: number;
}

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

function format(value: number, digits = 0): string {
  return value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
