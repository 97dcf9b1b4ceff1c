import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SampleApp, freePort } from './sample-app.js';

export const ALIEN = { title: 'Alien', year: 1979, genre: 'horror' };
export const HEAT = { title: 'Heat', year: 1995, genre: 'crime' };

/** The built movie-events app in a process of its own, with data of its own. */
export class MovieEventsApp extends SampleApp {
  private constructor(
    port: number,
    private readonly dataDir: string,
  ) {
    super('movie-events', port, { DATA_DIR: dataDir });
  }

  static async create(): Promise<MovieEventsApp> {
    const dataDir = await mkdtemp(join(tmpdir(), 'movie-events-'));
    const app = new MovieEventsApp(await freePort(), dataDir);
    await app.start();
    return app;
  }

  async dispose(): Promise<void> {
    await this.end();
    await rm(this.dataDir, { recursive: true });
  }

  async add(
    movie: object,
    headers?: Record<string, string>,
  ): Promise<{ id: number }> {
    return (await this.send('POST', '/movie', movie, headers)).json();
  }

  /** Removes all movies. */
  async clear(): Promise<void> {
    const { data } = await (await this.send('GET', '/movies')).json();
    for (const { id } of data) {
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
