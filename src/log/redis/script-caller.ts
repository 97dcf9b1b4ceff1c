import type { Connector } from './connector.js';
import { isEpoch, newEpoch, nextEpoch } from './epoch.js';
import type { RedisLink } from './redis-link.js';
import type { RedisLogSettings } from './redis-log-options.js';
import type { Script } from './scripts.js';

/** Calls the scripts, with what all of them are told. */
export class ScriptCaller {
  /** The epoch that the server was last seen to have. */
  #epoch: string | undefined;

  constructor(
    private readonly connector: Connector,
    private readonly settings: RedisLogSettings,
  ) {}

  /**
   * @param args what this script is told besides
   * @param known the newest epoch that the caller has seen
   * @returns what it gives; its first item is the epoch
   * @throws LinkLostError, and what the server says
   */
  async call<Reply extends readonly [epoch: string, ...unknown[]]>(
    link: RedisLink,
    script: Script,
    args: readonly string[],
    known = this.#epoch,
  ): Promise<Reply> {
    const { keys } = this.connector;
    const { maxEvents, maxBytes, maxAge } = this.settings;
    const fresh = newEpoch(Date.now(), Math.random);
    const rest = [
      String(keys.length),
      ...keys,
      // Names for a history that is missing, and for one that has lost entries.
      fresh,
      known !== undefined && isEpoch(known)
        ? nextEpoch(known, Date.now(), Math.random)
        : fresh,
      String(maxEvents),
      String(maxBytes),
      String(maxAge),
      ...args,
    ];
    const reply = (await link
      .send(['EVALSHA', script.sha1, ...rest])
      .catch((error: unknown) => {
        if (error instanceof Error && error.message.startsWith('NOSCRIPT')) {
          // It has not run: the server is another one, or was restarted.
          return link.send(['EVAL', script.source, ...rest]);
        }
        throw error;
      })) as Reply;
    this.#epoch = reply[0];
    return reply;
  }
}
