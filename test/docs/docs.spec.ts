import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { checkFor } from './checks.js';
import { curlsIn, useAppForCurl } from './curl.js';
import { linkErrors } from './links.js';
import { type Page, parsePage } from './page.js';

// The first TypeScript block that is tested compiles those of all pages.
jest.setTimeout(120_000);

const root = join(import.meta.dirname, '../..');
const pages = pathsOfPages().map((path) =>
  parsePage(path, readFileSync(join(root, path), 'utf8')),
);
const errorsOf = checkFor(pages);

it('No link of the documentation is broken', () => {
  expect(pages.flatMap((page) => linkErrors(page, pages))).toEqual([]);
});

for (const page of pages) {
  for (const block of page.blocks) {
    it(`${block.place} is right (${block.language})`, () => {
      expect(errorsOf(block)).toEqual([]);
    });
  }

  if (curlsIn(page).length > 0) {
    describe(`${page.path} with the movie-events app`, () => curlTests(page));
  }
}

function curlTests(page: Page): void {
  const errorsOfCurl = useAppForCurl();
  for (const command of curlsIn(page)) {
    it(`${command.place} is answered`, async () => {
      expect(await errorsOfCurl(command)).toEqual([]);
    });
  }
}

function pathsOfPages(): string[] {
  const docs = existsSync(join(root, 'docs'))
    ? readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    : [];
  return ['README.md', ...docs.map((name) => `docs/${name}`)].filter(
    (path) => path.endsWith('.md') && existsSync(join(root, path)),
  );
}
