import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Tarball, root, run } from './tarball.js';

/** What the package cannot be without; all else is optional. */
const PEERS = ['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs'];

/** The package from its tarball in an empty project, with its required peers and nothing else. */
export class UnpackedPackage {
  private constructor(readonly directory: string) {}

  static async make(
    directory: string,
    tarball: Tarball,
  ): Promise<UnpackedPackage> {
    const modules = join(directory, 'node_modules');
    await mkdir(modules, { recursive: true });
    // As npm does it: a tarball has all in a folder of one name.
    await run(modules, 'tar', ['-xzf', tarball.path]);
    await run(modules, 'mv', ['package', 'nestjs-sse-hub']);
    for (const peer of PEERS) {
      const link = join(modules, peer);
      await mkdir(dirname(link), { recursive: true });
      await symlink(join(root, 'node_modules', peer), link);
    }
    return new UnpackedPackage(directory);
  }

  /** What an ES module says with `say(…)`, as JSON. */
  esm(code: string): Promise<unknown> {
    return this.run('module', code);
  }

  /** The same of a CommonJS module. */
  commonJs(code: string): Promise<unknown> {
    return this.run('commonjs', code);
  }

  private async run(type: string, code: string): Promise<unknown> {
    const say = 'const say = (what) => console.log(JSON.stringify(what));';
    const args = ['--disable-warning=ExperimentalWarning'];
    args.push(`--input-type=${type}`, '--eval', `${say}${code}`);
    return JSON.parse(await run(this.directory, process.execPath, args));
  }
}
