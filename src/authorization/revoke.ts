import type { Logger } from '@nestjs/common';
import type { SseConnection } from '../connection/sse-connection.js';

/** Revokes a connection. One that cannot be ended properly must not keep the others from being ended. */
export function revoke(
  connection: SseConnection,
  reason: string,
  logger: Logger,
): void {
  try {
    connection.revoke(reason);
  } catch (error) {
    logger.error(`Cannot end connection ${connection.id}`, error);
    connection.response.destroy();
  }
}
