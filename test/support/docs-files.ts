import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parsePage } from '../docs/page.js';

const root = join(import.meta.dirname, '../..');

/**
 * The named files of a page of the documentation, as a reader would write them: so what is
 * tested is what the page says.
 */
export class DocsFiles {
  readonly #directory: string;

  /** @param page from the root of the repository, such as `docs/events.md` */
  constructor(page: string) {
    this.#directory = join(root, 'test', `.docs-files-${process.pid}`, page);
    const { blocks } = parsePage(page, readFileSync(join(root, page), 'utf8'));
    for (const { name, lines } of blocks) {
      if (name !== undefined) {
        const file = join(this.#directory, name);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, lines.map(({ text }) => text).join('\n'));
      }
    }
  }

  /** @param name of the file on the page, such as `src/app.module.ts` */
  async import(name: string): Promise<any> {
    return import(join(this.#directory, name));
  }

  /** Removes what was written; for `afterAll`. */
  remove(): void {
    rmSync(dirname(dirname(this.#directory)), { recursive: true, force: true });
  }
}
