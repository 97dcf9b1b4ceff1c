import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect } from 'node:net';
import { TcpProxy } from './tcp-proxy.js';

/** Answers each piece with the same piece, and notes it. */
class Echo {
  readonly got: string[] = [];
  readonly server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => {
      this.got.push(piece.toString());
      this.#arrived();
      socket.write(piece);
    });
  }).listen(0, '127.0.0.1');
  #arrived: () => void = () => undefined;

  async has(text: string): Promise<void> {
    while (!this.got.join('').includes(text)) {
      await new Promise<void>((resolve) => (this.#arrived = resolve));
    }
  }
}

let echo: Echo;
let proxy: TcpProxy;
const sockets: Socket[] = [];

async function open(): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Also when it ends with an error, for which `once` would throw. */
function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve));
}

async function answerOf(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [piece] = (await once(socket, 'data')) as [Buffer];
  return piece.toString();
}

beforeEach(async () => {
  echo = new Echo();
  await once(echo.server, 'listening');
  proxy = await TcpProxy.start((echo.server.address() as AddressInfo).port);
});

afterEach(async () => {
  sockets.splice(0).forEach((socket) => socket.destroy());
  await proxy.stop();
  echo.server.close();
});

describe('The proxy', () => {
  it('carries bytes in both directions', async () => {
    expect(await answerOf(await open(), 'ping')).toBe('ping');
  });

  it('cuts what is connected, and lets the next connection through', async () => {
    const socket = await open();
    await answerOf(socket, 'ping');
    proxy.cut();
    await closed(socket);

    expect(await answerOf(await open(), 'pong')).toBe('pong');
  });

  it('refuses connections until it accepts them', async () => {
    proxy.refuse();
    const refused = connect(proxy.port, '127.0.0.1');
    refused.on('error', () => undefined);
    await closed(refused);
    proxy.accept();

    expect(await answerOf(await open(), 'ping')).toBe('ping');
  });

  it('keeps the order of bytes, however long each waits', async () => {
    const socket = await open();
    socket.setNoDelay(true);
    const letters = 'abcdefghijklmnopqrstuvwxyz'.split('');
    for (const [i, letter] of letters.entries()) {
      proxy.delay(i % 3 === 2 ? 0 : (letters.length - i) * 2);
      socket.write(letter);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await echo.has('z');

    expect(echo.got.join('')).toBe(letters.join(''));
  });

  it('holds everything back until it is released, and closes nothing', async () => {
    const socket = await open();
    await answerOf(socket, 'ping');
    proxy.hold();
    const answer = answerOf(socket, 'pong');
    const other = connect(proxy.port, '127.0.0.1');
    sockets.push(other);
    await once(other, 'connect');
    expect(echo.got).toEqual(['ping']);
    proxy.release();

    expect(await answer).toBe('pong');
    expect(socket.destroyed).toBe(false);
  });

  it('loses the reply to a request that the engine has got', async () => {
    const [reader, writer] = [await open(), await open()];
    await answerOf(writer, 'ping');
    const cut = proxy.cutBeforeReply('padding');
    let replies = '';
    writer.on('data', (piece: Buffer) => (replies += piece.toString()));
    writer.write('append padding');
    await closed(writer);

    expect(echo.got).toContain('append padding');
    expect(replies).toBe('');
    await cut;
    expect(await answerOf(reader, 'read')).toBe('read');
  });
});
