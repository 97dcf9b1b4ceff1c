import { freePort } from '../support/free-port.js';
import { SampleApp } from './sample-app.js';

/** The built ticker in a process of its own. */
export class TickerApp extends SampleApp {
  private constructor(
    port: number,
    readonly streamsPort: number,
  ) {
    super('ticker', port, { STREAMS_PORT: String(streamsPort) });
  }

  static async create(): Promise<TickerApp> {
    const app = new TickerApp(await freePort(), await freePort());
    await app.start();
    return app;
  }

  /** Where `/clock` and `/updates` are. */
  get streams(): string {
    return `http://localhost:${this.streamsPort}`;
  }

  dispose(): Promise<unknown> {
    return this.end();
  }
}
