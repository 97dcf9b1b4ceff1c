import type { Socket } from 'node:net';
// Not the globals: where a test has put a clock of its own in their place, heads leave all the same.
import { setImmediate, setTimeout } from 'node:timers';

/** For how long heads are gathered while many connect, in milliseconds; the least that a timer takes. */
const GATHERING = 1;

/**
 * Sockets that hold back a head. A write to a receiver that sleeps wakes it, which costs this
 * process more than the write itself: the heads of many that connect at a time leave together,
 * once a millisecond. After a millisecond without any, a head leaves at the end of its turn.
 */
export class HeldHeads {
  #sockets: Socket[] = [];
  #gathers = false;

  /** Takes a corked socket, which is uncorked with the others. */
  add(socket: Socket): void {
    this.#sockets.push(socket);
    if (!this.#gathers) {
      this.#gathers = true;
      setImmediate(() => this.#release());
    }
  }

  #release(): void {
    const sockets = this.#sockets;
    if (sockets.length === 0) {
      this.#gathers = false;
      return;
    }
    this.#sockets = [];
    setTimeout(() => this.#release(), GATHERING);
    for (const socket of sockets) {
      socket.uncork();
    }
  }
}
