import { statSync } from 'node:fs';
import { FileFailure } from './failure.ts';

/**
 * Files that are to stay where they are. Under a process that has it open, a file can be deleted or replaced and
 * still be written: what goes there is gone when the process ends.
 */
export class PlacedFiles {
  readonly #files: readonly (readonly [path: string, identity: string])[];

  constructor(paths: readonly string[]) {
    this.#files = paths.map((path) => [path, identityOf(path)]);
  }

  /** @throws FileFailure when one is not there any more */
  verify(): void {
    for (const [path, identity] of this.#files) {
      if (identityOf(path) !== identity) {
        throw new FileFailure(
          'moved',
          'the file, or one beside it, was deleted or replaced',
          'Stop the application before its files are touched.',
        );
      }
    }
  }
}

function identityOf(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? '' : `${found.dev} ${found.ino}`;
}
