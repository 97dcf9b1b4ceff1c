// Compiles the TypeScript of the run and of its nodes: `node compile.mjs <folder>`, or by `compile`.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFileSync } from '@swc/core';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** What is compiled, and what it imports besides the package. */
const PARTS = ['test/faults', 'test/support', 'src/testing'];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  compile(process.argv[2]);
}

/** @param folder inside the package, so that imports resolve as they do for who uses it */
export function compile(folder) {
  for (const part of PARTS) {
    const files = readdirSync(join(root, part), {
      recursive: true,
      encoding: 'utf8',
    });
    for (const file of files.filter(isProgram)) {
      const target = join(folder, part, file.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, toJavaScript(join(root, part, file)));
    }
  }
  // A folder below node_modules does not belong to the package: it has to say by itself that it holds ES modules.
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
}

function isProgram(file) {
  return file.endsWith('.ts') && !file.endsWith('.spec.ts');
}

function toJavaScript(file) {
  return transformFileSync(file, {
    swcrc: false,
    sourceMaps: 'inline',
    module: { type: 'es6' },
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
  }).code;
}
