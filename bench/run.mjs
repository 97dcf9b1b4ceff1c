// `npm run bench`: compiles the TypeScript beside this file and starts it.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transformFileSync } from '@swc/core';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// Inside the package, so that imports resolve as they do from here; a folder of its own for each run, so that two at a
// time do not pull the files from under each other.
const cache = join(root, 'node_modules', '.cache', 'bench', `${process.pid}`);
/** What is compiled, the bench and what it takes from the tests. */
const folders = ['bench', 'test/support'];

// The servers end by themselves when this process is gone, however it went.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
process.on('exit', () => rmSync(cache, { recursive: true, force: true }));

// Paths in the output and in the code are relative to the package.
process.chdir(root);
compile();
await import(pathToFileURL(join(cache, 'bench', 'main.js')));

function compile() {
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
      join(folder, name),
    ),
  );
  for (const file of files.filter((name) => name.endsWith('.ts'))) {
    const target = join(cache, file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, toJavaScript(file));
  }
  // A folder below node_modules does not belong to the package: it has to say by itself that it holds ES modules.
  writeFileSync(join(cache, 'package.json'), '{ "type": "module" }');
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
