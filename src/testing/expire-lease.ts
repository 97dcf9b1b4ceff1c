import type { INestApplicationContext } from '@nestjs/common';
import { Leases } from '../authorization/leases.js';
import { Connections } from '../connection/connections.js';
import type { SseConnection } from '../connection/sse-connection.js';
import type { ConnectionInfo } from '../hub/stream-connection.js';
import { partOf } from './app-parts.js';
import { SseTestException } from './client/sse-test.exceptions.js';
import { SseTestClient } from './client/sse-test-client.js';
import type { StreamEnd } from './client/stream-end.js';

/** Whose lease is to run out: one connection's, or those of all of a user. Ids compare as strings. */
export type ExpiryTarget =
  Pick<ConnectionInfo, 'id'> | { readonly user: string | number | bigint };

/**
 * Ends the stream of a client as if the lease of its user had run out now (`event: hub.closed`,
 * `expired`), also of one whose lease has no end. What lets it in again, or not, is the guards.
 *
 * @returns how it ended, when the client has been told
 * @throws SseTestException if the client has no open stream of this process
 *
 * @example
 * ```ts
 * expect(await expireLease(client)).toMatchObject({ reason: 'expired' });
 * ```
 */
export function expireLease(client: SseTestClient): Promise<StreamEnd>;
/**
 * The same for a connection, from `hub.connections()` or a handler, or for all of a user.
 *
 * @returns how many streams have ended
 * @throws SseTestException if there is none
 */
export function expireLease(
  app: INestApplicationContext,
  target: ExpiryTarget,
): Promise<number>;
export async function expireLease(
  where: SseTestClient | INestApplicationContext,
  target?: ExpiryTarget,
): Promise<StreamEnd | number> {
  if (where instanceof SseTestClient) {
    const { app, connection } = where.serverSide();
    expire(app, [connection]);
    return where.untilClosed();
  }
  const connections = connectionsOf(where, target!);
  if (connections.length === 0) {
    throw new SseTestException(
      `There is no open stream of ${'id' in target! ? `connection ${target.id}` : `user ${target!.user}`}.`,
    );
  }
  expire(where, connections);
  return connections.length;
}

function connectionsOf(
  app: INestApplicationContext,
  target: ExpiryTarget,
): readonly SseConnection[] {
  const connections = partOf(app, Connections);
  const found =
    'id' in target
      ? connections.all().filter(({ id }) => id === target.id)
      : connections.ofUser(String(target.user));
  return found.filter(({ response }) => !response.ended);
}

function expire(
  app: INestApplicationContext,
  connections: readonly SseConnection[],
): void {
  const leases = partOf(app, Leases);
  for (const { response } of connections) {
    leases.expire(response);
  }
}
