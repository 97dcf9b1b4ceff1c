import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const root = join(import.meta.dirname, '../..');

export interface Tarball {
  readonly path: string;
  /** The paths in it. */
  readonly files: string[];
}

/** What `npm publish` would send. */
export async function pack(directory: string): Promise<Tarball> {
  if (!existsSync(join(root, 'dist/index.js'))) {
    throw new Error('dist is missing: npm run build');
  }
  const args = ['pack', '--json', '--pack-destination', directory];
  const json = await run(root, 'npm', args);
  const [packed] = JSON.parse(json);
  return {
    path: join(directory, packed.filename),
    files: packed.files.map(({ path }: { path: string }) => path),
  };
}

/** Its output; what it has said goes into the error when it fails. */
export async function run(
  directory: string,
  command: string,
  args: string[],
): Promise<string> {
  try {
    const options = { cwd: directory, maxBuffer: 1 << 26 };
    const { stdout } = await promisify(execFile)(command, args, options);
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    const line = [command, ...args].join(' ');
    throw new Error(`${line}\n${stdout}\n${stderr}`, { cause: error });
  }
}
