import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { checkFor } from './checks.js';
import { curlsIn, useAppForCurl } from './curl.js';
import { linkErrors } from './links.js';
import { parsePage } from './page.js';

jest.setTimeout(120_000);

/** The checks themselves, on a page that is wrong on purpose. */
describe('mistakes.md', () => {
  const file = join(import.meta.dirname, 'mistakes.md');
  const page = parsePage('docs/mistakes.md', readFileSync(file, 'utf8'));
  const errorsOfCurl = useAppForCurl();

  const linesOf = (errors: string[]) =>
    errors.map((error) =>
      Number(/^docs\/mistakes\.md:(\d+): ./.exec(error)?.[1]),
    );

  it('has two broken links', () => {
    expect(linkErrors(page, [page])).toEqual([
      'docs/mistakes.md:5: no heading #nowhere in docs/mistakes.md',
      'docs/mistakes.md:5: no file docs/nowhere.md',
    ]);
  });

  it('has wrong blocks, found by line', () => {
    const errors = page.blocks.flatMap(checkFor([page]));
    expect(linesOf(errors)).toEqual([
      12, 37, 44, 61, 71, 75, 81, 85, 91, 92, 97, 100,
    ]);
    expect(errors[1]).toContain("Property 'river' does not exist");
  });

  it('has curl lines that the app does not answer', async () => {
    const errors: string[] = [];
    for (const command of curlsIn(page)) {
      errors.push(...(await errorsOfCurl(command)));
    }
    expect(linesOf(errors)).toEqual([96, 97]);
  });
});
