import { connect, type Socket } from 'node:net';
import { FIRST_NUMBER, NumberScanner } from './number-scanner.js';
import type { Replay } from './protocol.js';

const OK = 'HTTP/1.1 200';

/** All sockets read into this one: a read is scanned before the next one begins. */
const readBuffer = Buffer.allocUnsafe(64 * 1024);

/** One open stream on a raw socket. It checks that events come in order, each once, none left out. */
export class Subscriber {
  /** The number of the event that has to come next. */
  next = FIRST_NUMBER;
  /** Events that came at the wrong place. */
  misplaced = 0;

  private constructor(
    private readonly socket: Socket,
    private readonly received: (subscriber: Subscriber) => void,
  ) {}

  /** Resolves when the stream's head has come. */
  static open(
    port: number,
    path: string,
    received: (subscriber: Subscriber) => void,
    replay?: Replay,
  ): Promise<Subscriber> {
    return new Promise((resolve, reject) => {
      let read = (bytes: Buffer): void => {
        if (bytes.toString('latin1', 0, OK.length) !== OK) {
          reject(
            new Error(`${path} answered ${bytes.toString('latin1', 0, 80)}`),
          );
          return;
        }
        const subscriber = new Subscriber(socket, received);
        if (replay) subscriber.next = replay.first;
        const scanner = new NumberScanner((number) => subscriber.take(number));
        read = (later) => scanner.scan(later);
        // Events may come together with the head.
        read(bytes);
        resolve(subscriber);
      };
      const socket = connect({
        port,
        host: '127.0.0.1',
        onread: {
          buffer: readBuffer,
          callback: (size) => {
            read(readBuffer.subarray(0, size));
            return true;
          },
        },
      });
      socket.on('error', reject);
      socket.on('close', () =>
        reject(new Error(`${path} was closed before its head came`)),
      );
      socket.write(
        [
          `GET ${path} HTTP/1.1`,
          `Host: 127.0.0.1:${port}`,
          'Accept: text/event-stream',
          ...(replay ? [`Last-Event-ID: ${replay.lastEventId}`] : []),
          '\r\n',
        ].join('\r\n'),
      );
    });
  }

  get closed(): boolean {
    return this.socket.destroyed;
  }

  close(): void {
    this.socket.destroy();
  }

  private take(number: number): void {
    if (number !== this.next) this.misplaced++;
    this.next = number + 1;
    this.received(this);
  }
}
