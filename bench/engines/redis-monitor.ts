import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`; what a script does is said to be of `lua`. */
const LINE = /^\+[\d.]+ \[\d+ ([\d.:]+)\] "([^"]+)"(?: "([^"]*)")?/;
/** What is said on a connection that nobody waits for. */
const IDLE = ['ping', 'hello', 'client', 'info', 'echo'];

/**
 * Hears every command that redis-server gets (`MONITOR`): what `INFO commandstats` counts together
 * is told apart here, by connection, and a script is one command.
 */
export class RedisMonitor {
  private counts = new Map<string, number>();
  private readonly tails = new Set<string>();
  private marks = 0;
  private marked: (() => void) | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly control: Socket,
  ) {
    createInterface({ input: socket }).on('line', (line) => this.hear(line));
    control.resume();
  }

  static async start(port: number): Promise<RedisMonitor> {
    const [socket, control] = [open(port), open(port)];
    socket.write('MONITOR\r\n');
    await once(socket, 'readable');
    return new RedisMonitor(socket, control);
  }

  /** Commands since the last call, on connections that do not tail a stream. */
  async takeReads(): Promise<number> {
    // What came before this has been heard when this has.
    const heard = new Promise<void>((resolve) => (this.marked = resolve));
    this.control.write(`ECHO mark-${++this.marks}\r\n`);
    await heard;
    const counts = [...this.counts];
    this.counts = new Map();
    return counts
      .filter(([connection]) => !this.tails.has(connection))
      .reduce((sum, [, count]) => sum + count, 0);
  }

  stop(): void {
    this.socket.destroy();
    this.control.destroy();
  }

  private hear(line: string): void {
    const [, connection, name, first] = LINE.exec(line) ?? [];
    if (connection === undefined) return;
    const command = name.toLowerCase();
    if (first === `mark-${this.marks}`) this.marked?.();
    if (command === 'xread') this.tails.add(connection);
    if (!IDLE.includes(command)) {
      this.counts.set(connection, (this.counts.get(connection) ?? 0) + 1);
    }
  }
}

function open(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  // The server is ended by force.
  socket.on('error', () => {});
  return socket;
}
