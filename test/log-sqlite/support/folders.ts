import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = new Set<string>();

/** A throw-away folder. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sse-hub-sqlite-'));
  folders.add(folder);
  return folder;
}

/** The path of a file in a throw-away folder, not yet made. */
export function newFile(): string {
  return join(newFolder(), 'events.db');
}

/** Removes what the tests of a file have made; for `afterEach`. */
export function removeFolders(): void {
  for (const folder of folders) {
    rmSync(folder, { recursive: true, force: true });
  }
  folders.clear();
}
