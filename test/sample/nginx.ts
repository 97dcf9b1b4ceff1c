import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Balancer } from './balancer.js';
import { freePort } from '../support/free-port.js';

const CONFIGURATION = join(
  import.meta.dirname,
  '../../sample/movie-events/nginx.conf',
);

/** The sample's own configuration, with the addresses of this machine and folders of a test. */
export class Nginx implements Balancer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
    private readonly folder: string,
  ) {}

  static async start(nodes: readonly number[]): Promise<Nginx> {
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'nginx-'));
    const file = join(folder, 'nginx.conf');
    await writeFile(file, await configuration(nodes, port, folder));
    const global = `daemon off; pid ${folder}/nginx.pid; error_log stderr;`;
    const child = spawn('nginx', ['-c', file, '-p', folder, '-g', global], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await accepts(port, child);
    return new Nginx(child, port, folder);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exited;
    await rm(this.folder, { recursive: true });
  }
}

async function configuration(
  nodes: readonly number[],
  port: number,
  folder: string,
): Promise<string> {
  const [a, b] = nodes;
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ');
  const replacements = [
    ['node-a:3000', `127.0.0.1:${a}`],
    ['node-b:3000', `127.0.0.1:${b}`],
    ['listen 80;', `listen 127.0.0.1:${port};`],
    ['http {', `http { access_log off; ${paths}`],
  ] as const;
  let text = await readFile(CONFIGURATION, 'utf8');
  for (const [written, meant] of replacements) {
    if (text.split(written).length !== 2) {
      throw new Error(`nginx.conf should have "${written}" once`);
    }
    text = text.replace(written, meant);
  }
  return text;
}

/** nginx does not say when it listens. */
async function accepts(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const accepted = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (accepted) {
      return;
    }
    await delay(20);
  }
  throw new Error(`nginx did not start: it ended with ${child.exitCode}`);
}
