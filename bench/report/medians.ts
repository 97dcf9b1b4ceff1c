import type { Figures } from '../measures/measure.js';
import type { RoundFigures } from '../rounds.js';

/** Medians over the rounds, by server. */
export type ServerFigures = Record<string, Figures>;

export function medians(rounds: readonly RoundFigures[]): ServerFigures {
  const samples: Record<string, Record<string, number[]>> = {};
  for (const { server, figures } of rounds) {
    for (const [name, value] of Object.entries(figures)) {
      ((samples[server] ??= {})[name] ??= []).push(value);
    }
  }
  return mapValues(samples, (figures) => mapValues(figures, median));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}

function mapValues<From, To>(
  record: Record<string, From>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, map(value)]),
  );
}
