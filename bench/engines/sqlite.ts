import { mkdtemp, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineKind } from './engine.js';

/** Beside the compiled bench: on a disk, which the folder for temporary files may not be. */
const here = fileURLToPath(new URL('.', import.meta.url));

/** @param synchronous what a commit waits for */
export function sqlite(synchronous: 'full' | 'normal'): EngineKind {
  return {
    start: async () => {
      const folder = await mkdtemp(join(here, 'sqlite-'));
      return {
        address: `sqlite-${synchronous}:${join(folder, 'events.db')}`,
        durable: true,
        shared: false,
        stop: () => rm(folder, { recursive: true }),
      };
    },
    missing: () =>
      isBuiltin('node:sqlite')
        ? undefined
        : `Node ${process.version} has no node:sqlite`,
  };
}
