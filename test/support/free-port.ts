import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * A port below the range from which outgoing connections and `listen(0)` get theirs, so that none of
 * them takes it while the server that it is for is restarted.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer().listen(port);
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (isFree) {
      server.close();
      await once(server, 'close');
      return port;
    }
  }
}
