import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Written below the working directory of `npm run bench`, which is the package's root. */
const folder = join('bench', 'results');

/** @returns the file's path */
export function writeResults(results: object): string {
  const date = new Date().toISOString();
  const file = join(folder, `${date.replaceAll(':', '-')}.json`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, `${JSON.stringify({ date, ...results }, null, 2)}\n`);
  return file;
}
