import { commandErrors, commandsOf } from './commands.js';
import type { Block, Page } from './page.js';
import { syntaxErrors } from './syntax.js';
import { TypeScriptBlocks } from './typescript-blocks.js';

const TYPESCRIPT = ['ts', 'tsx', 'diff'];
export const SHELL = ['bash', 'sh'];
/** Output, and files of other programs. */
const SHOWN = ['text', 'http', 'nginx', 'caddyfile', 'yaml', 'mermaid'];

/** What is wrong in a block, as `docs/page.md:12: message`. */
export type Check = (block: Block) => string[];

/** A check for the blocks of these pages; the TypeScript is compiled at the first. */
export function checkFor(pages: Page[]): Check {
  let typescript: TypeScriptBlocks | undefined;
  const compiled = () =>
    (typescript ??= new TypeScriptBlocks(
      pages
        .flatMap(({ blocks }) => blocks)
        .filter(({ language }) => TYPESCRIPT.includes(language)),
    ));

  return (block) => {
    const { language, place } = block;
    if (SHOWN.includes(language)) return [];
    if (TYPESCRIPT.includes(language)) return compiled().errorsOf(block);
    if (SHELL.includes(language))
      return commandsOf(block).flatMap(commandErrors);
    const check = syntaxErrors[language];
    return check?.(block) ?? [`${place}: cannot check '${language}'`];
  };
}
