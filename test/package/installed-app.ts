import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../support/free-port.js';
import { type Tarball, root, run } from './tarball.js';

const NEST = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
/** Of those that `nest new` lists: what builds; its tsconfig names vitest. */
const NEEDED = ['@nestjs/cli', '@types/node', 'typescript', 'vitest'];

const fixture = (...path: string[]) => join(import.meta.dirname, ...path);

/** An app of a user, with the package from its tarball. */
export class InstalledApp {
  private process?: ChildProcess;

  private constructor(readonly directory: string) {}

  /** As `nest new` makes it, but for the module and the controller. */
  static async nestNew(parent: string, tarball: Tarball) {
    const options =
      '--skip-git --skip-install --no-observe --package-manager npm';
    const args = [NEST, 'new', 'demo', ...options.split(' ')];
    await run(parent, process.execPath, args);
    const directory = join(parent, 'demo');
    await keepDependencies(join(directory, 'package.json'));
    for (const name of ['app.module.ts', 'movies.controller.ts']) {
      await cp(fixture('app', name), join(directory, 'src', name));
    }
    return new InstalledApp(directory).install(tarball);
  }

  static async commonJs(parent: string, tarball: Tarball) {
    const directory = join(parent, 'commonjs');
    await cp(fixture('app'), join(directory, 'src'), { recursive: true });
    await cp(fixture('commonjs'), directory, { recursive: true });
    return new InstalledApp(directory).install(tarball);
  }

  /** Where the package is in this app. */
  get package(): string {
    return join(this.directory, 'node_modules/nestjs-sse-hub');
  }

  npm(...args: string[]): Promise<string> {
    return run(this.directory, 'npm', args);
  }

  /** What the compiler says; it need not succeed. */
  tsc(options: string): Promise<string> {
    const tsc = join(this.directory, 'node_modules/typescript/bin/tsc');
    const args = [tsc, ...options.split(' ')];
    return run(this.directory, process.execPath, args).catch(
      ({ message }: Error) => message,
    );
  }

  /** Runs what was built; resolves with its address when it listens. */
  async start(): Promise<string> {
    const port = await freePort();
    const child = spawn(process.execPath, ['dist/main.js'], {
      cwd: this.directory,
      env: { ...process.env, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process = child;
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (output += text));
    // Nest says that it has started before it listens.
    while (!(await accepts(port))) {
      if (hasEnded(child)) {
        throw new Error(`The app has ended before it listened:\n${output}`);
      }
    }
    return `http://localhost:${port}`;
  }

  async stop(): Promise<void> {
    const child = this.process;
    if (!child || hasEnded(child)) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  private async install(tarball: Tarball): Promise<this> {
    const flags = ['--prefer-offline', '--no-audit', '--no-fund'];
    await this.npm('install', ...flags, tarball.path);
    return this;
  }
}

async function keepDependencies(file: string): Promise<void> {
  const manifest = JSON.parse(await readFile(file, 'utf8'));
  for (const name of Object.keys(manifest.devDependencies)) {
    if (!NEEDED.includes(name)) delete manifest.devDependencies[name];
  }
  await writeFile(file, JSON.stringify(manifest, null, 2));
}

function accepts(port: number): Promise<boolean> {
  const socket = connect(port, 'localhost');
  return once(socket, 'connect').then(
    () => socket.end() && true,
    () => false,
  );
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
