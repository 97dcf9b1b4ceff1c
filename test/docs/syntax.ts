import ts from 'typescript';
import type { Block, Line } from './page.js';

const SCRIPT = /<script\b(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g;

/** What is wrong in the form of a block, as `docs/page.md:12: message`. */
export const syntaxErrors: Record<string, (block: Block) => string[]> = {
  js: (block) => scriptErrors(block, textOf(block.lines)),
  jsx: (block) => scriptErrors(block, textOf(block.lines)),
  html: htmlErrors,
  json: jsonErrors,
};

function htmlErrors(block: Block): string[] {
  const html = textOf(block.lines);
  return [...html.matchAll(SCRIPT)].flatMap(({ 1: script, index, 0: tag }) => {
    const start = index + tag.indexOf(script!);
    return scriptErrors(block, script!, lineBreaks(html.slice(0, start)));
  });
}

function scriptErrors(block: Block, script: string, from = 0): string[] {
  const { diagnostics = [] } = ts.transpileModule(script, {
    fileName: block.language === 'jsx' ? 'script.jsx' : 'script.js',
    reportDiagnostics: true,
    compilerOptions: {
      allowJs: true,
      jsx: ts.JsxEmit.Preserve,
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ESNext,
    },
  });
  return diagnostics.map(({ start = 0, messageText }) => {
    const line = block.lines[from + lineBreaks(script.slice(0, start))]!;
    const message = ts.flattenDiagnosticMessageText(messageText, '\n');
    return `${block.page}:${line.number}: ${message}`;
  });
}

function jsonErrors(block: Block): string[] {
  try {
    JSON.parse(textOf(block.lines));
    return [];
  } catch (error) {
    return [`${block.place}: ${(error as Error).message}`];
  }
}

function textOf(lines: Line[]): string {
  return lines.map(({ text }) => text).join('\n');
}

function lineBreaks(text: string): number {
  return text.split('\n').length - 1;
}
