import { dirname, join } from 'node:path';
import ts from 'typescript';
import type { Block, Line } from './page.js';

const root = join(import.meta.dirname, '../..');
/** Says in a prelude where the block goes, if not to the end. */
const PLACEHOLDER = '/* block */';

interface Source {
  readonly block: Block;
  readonly fileName: string;
  readonly lines: Line[];
}

/** Compiles blocks against the package's source, all in one program. */
export class TypeScriptBlocks {
  private readonly sources = new Map<string, Source>();
  private readonly program: ts.Program;

  constructor(blocks: Block[]) {
    for (const block of blocks) {
      for (const [suffix, lines] of versionsOf(block)) {
        this.add(block, suffix, lines);
      }
    }
    const options = compilerOptions();
    this.program = ts.createProgram(
      [...this.sources.keys()],
      options,
      this.host(options),
    );
  }

  /** What the compiler says of a block, as `docs/page.md:12: message`. */
  errorsOf(block: Block): string[] {
    return [...this.sources.values()]
      .filter((source) => source.block === block)
      .flatMap((source) => this.errorsIn(source));
  }

  private add(block: Block, suffix: string, lines: Line[]): void {
    const extension = block.language === 'tsx' ? 'tsx' : 'ts';
    const directory = join(root, 'test/docs/pages', block.page);
    const line = `line-${block.place.split(':')[1]}${suffix}.${extension}`;
    const named = join(directory, block.name ?? line);
    // A page may show the next state of a file that it has shown before.
    const fileName = this.sources.has(named)
      ? join(dirname(named), line)
      : named;
    this.sources.set(fileName, {
      block,
      fileName,
      lines: withPrelude(lines, block.prelude),
    });
  }

  private host(options: ts.CompilerOptions): ts.CompilerHost {
    const host = ts.createCompilerHost(options);
    const text = (fileName: string) =>
      this.sources.get(fileName)?.lines.map((line) => line.text);
    return {
      ...host,
      // Else modules of a directory that is not there are not looked for.
      directoryExists: undefined,
      fileExists: (name) => this.sources.has(name) || host.fileExists(name),
      readFile: (name) => text(name)?.join('\n') ?? host.readFile(name),
      getSourceFile: (name, options, ...rest) => {
        const lines = text(name);
        return lines
          ? ts.createSourceFile(name, lines.join('\n'), options)
          : host.getSourceFile(name, options, ...rest);
      },
    };
  }

  private errorsIn({ block, fileName, lines }: Source): string[] {
    const file = this.program.getSourceFile(fileName)!;
    return [
      ...this.program.getSyntacticDiagnostics(file),
      ...this.program.getSemanticDiagnostics(file),
    ].map(({ start = 0, messageText, code }) => {
      const { line } = file.getLineAndCharacterOfPosition(start);
      const message = ts.flattenDiagnosticMessageText(messageText, '\n');
      return `${block.page}:${lines[line]!.number}: ${message} (TS${code})`;
    });
  }
}

/** A diff is two: the code before and the code after. */
function versionsOf({
  language,
  lines,
}: Block): [suffix: string, lines: Line[]][] {
  if (language !== 'diff') return [['', lines]];
  const version = (sign: string) =>
    lines
      .filter(({ text }) => text[0] === sign || /^(\s|$)/.test(text))
      .map((line) => ({ ...line, text: line.text.slice(1) }));
  return [
    ['-before', version('-')],
    ['-after', version('+')],
  ];
}

/** A block with imports of its own says itself what it needs. */
function withPrelude(lines: Line[], prelude: Line[]): Line[] {
  if (lines.some(({ text }) => /^import\b/.test(text))) return lines;
  const place = prelude.findIndex(({ text }) => text.trim() === PLACEHOLDER);
  const at = place === -1 ? prelude.length : place;
  return [...prelude.slice(0, at), ...lines, ...prelude.slice(at)];
}

/** The package's own, and what `nest new` writes for an app. */
function compilerOptions(): ts.CompilerOptions {
  const file = join(root, 'tsconfig.json');
  const { config } = ts.readConfigFile(file, (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(
    { ...config, include: [], files: [] },
    ts.sys,
    root,
    undefined,
    file,
  );
  return {
    ...options,
    types: ['node'],
    jsx: ts.JsxEmit.ReactJSX,
    moduleDetection: ts.ModuleDetectionKind.Force,
    strictPropertyInitialization: false,
  };
}
