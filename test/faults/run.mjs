// `npm run test:faults`: compiles the TypeScript beside this file and starts it.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compile } from './compile.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
// A folder of its own for each run, so that two at a time do not pull the files from under each other.
const cache = join(root, 'node_modules', '.cache', 'faults', `${process.pid}`);

// Whatever the run has started ends with it: see the handlers of `exit`.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
process.on('exit', () => rmSync(cache, { recursive: true, force: true }));

process.chdir(root);
compile(cache);
await import(pathToFileURL(join(cache, 'test/faults/main.js')));
