import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { type Block, parsePage } from './page.js';

const root = join(import.meta.dirname, '../..');

/** The files that `docs/testing.md` shows are an app with tests, which are run. */
describe('docs/testing.md', () => {
  const path = 'docs/testing.md';
  const { blocks } = parsePage(path, readFileSync(join(root, path), 'utf8'));
  const files = blocks.filter(({ name }) => name !== undefined);
  let directory: string;

  beforeAll(() => {
    // In the package, so that it can import itself and what it depends on.
    directory = mkdtempSync(join(root, 'test/docs/.page-'));
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  it('has tests that pass with jest', () => {
    const sources = files.filter(({ name }) => !name!.includes('.test.'));
    for (const file of sources) {
      write(join(directory, 'jest', file.name!), textOf(file));
    }
    const { output, passed } = run([
      '--disable-warning=ExperimentalWarning',
      '--experimental-vm-modules',
      'node_modules/jest/bin/jest.js',
      `--testMatch=${directory}/jest/**/*spec.ts`,
      '--testTimeout=60000',
    ]);

    const specs = sources.filter(({ name }) => name!.endsWith('spec.ts'));
    expect(output).toContain(
      `Test Suites: ${specs.length} passed, ${specs.length} total`,
    );
    expect(passed).toBe(true);
  });

  it('has a test that passes with node:test', () => {
    for (const file of files) {
      const compiled = file.name!.replace(/\.ts$/, '.js');
      write(join(directory, 'node', compiled), compile(textOf(file)));
    }
    const { output, passed } = run([
      '--import=reflect-metadata',
      '--test',
      '--test-reporter=tap',
      join(directory, 'node/test/movies.test.js'),
    ]);

    expect(output).toMatch(/# pass 1\n/);
    expect(passed).toBe(true);
  });
});

function run(args: readonly string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined },
  });
  return { output: stdout + stderr, passed: status === 0 };
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function textOf({ lines }: Block): string {
  return lines.map(({ text }) => text).join('\n');
}

/** As `nest build` does. */
function compile(text: string): string {
  return ts.transpileModule(text, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    },
  }).outputText;
}
