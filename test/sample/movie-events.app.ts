import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.js';
import { SampleApp } from './sample-app.js';

export const ALIEN = { title: 'Alien', year: 1979, genre: 'horror' };
export const HEAT = { title: 'Heat', year: 1995, genre: 'crime' };

interface MovieEventsOptions {
  /** @default the memory log */
  log?: string;
  /** Where the movies are. */
  dataDir?: string;
}

/** The built movie-events app in a process of its own, with data of its own unless told otherwise. */
export class MovieEventsApp extends SampleApp {
  private constructor(
    port: number,
    private readonly dataDir: string,
    log: string,
  ) {
    super('movie-events', port, { DATA_DIR: dataDir, LOG: log });
  }

  static async create({
    log = 'memory',
    dataDir,
  }: MovieEventsOptions = {}): Promise<MovieEventsApp> {
    const folder = dataDir ?? (await newDataDir());
    const app = new MovieEventsApp(await freePort(), folder, log);
    await app.start();
    return app;
  }

  async dispose(): Promise<void> {
    await this.end();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async add(
    movie: object,
    headers?: Record<string, string>,
  ): Promise<{ id: number }> {
    return (await this.send('POST', '/movie', movie, headers)).json();
  }

  async list(): Promise<{ id: number; title: string }[]> {
    return (await (await this.send('GET', '/movies')).json()).data;
  }

  /** Removes all movies. */
  async clear(): Promise<void> {
    for (const { id } of await this.list()) {
      await this.send('DELETE', `/movie/${id}`);
    }
  }

  /** As the README shows it. */
  async curl(movie: object): Promise<void> {
    const body = JSON.stringify(movie);
    const type = 'Content-Type: application/json';
    const options = ['-sS', '--fail', '-X', 'POST', '-H', type, '-d', body];
    await promisify(execFile)('curl', [...options, `${this.url}/movie`]);
  }
}

export function newDataDir(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'movie-events-'));
}
