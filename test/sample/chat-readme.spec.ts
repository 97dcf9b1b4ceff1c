import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandErrors, commandsOf } from '../docs/commands.js';
import { linkErrors } from '../docs/links.js';
import { parsePage } from '../docs/page.js';
import { ChatApp } from './chat.app.js';
import { Shell } from './shell.js';

const PATH = 'sample/chat/README.md';
const page = parsePage(
  PATH,
  readFileSync(join(import.meta.dirname, '../..', PATH), 'utf8'),
);
const commands = page.blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(commandsOf);

describe('the README of the chat', () => {
  let app: ChatApp;
  let shell: Shell;

  beforeEach(async () => {
    [app, shell] = await Promise.all([ChatApp.create(), Shell.open()]);
  });

  afterEach(async () => {
    await shell.close();
    await app.dispose();
  });

  it('has no command that cannot be run', () => {
    expect(commands.flatMap(commandErrors)).toEqual([]);
  });

  it('has no broken link', () => {
    expect(linkErrors(page, [page])).toEqual([]);
  });

  it('has curl lines that do what it says, in their order', async () => {
    const lines = commands
      .map(({ text }) => text)
      .filter((text) => text.startsWith('curl'));
    const next = (change = (line: string) => line) =>
      shell.run(
        change(lines.shift()!).replace(
          'localhost:3000',
          `localhost:${app.port}`,
        ),
      );

    const listener = next();
    await listener.shows('data: []\n');
    for (const said of [
      { user_id: '5678', message: 'Hi' },
      { user_id: '5678', message: 'How are you?' },
      { user_id: '1234', message: 'JSON without a header' },
    ]) {
      const answer = JSON.parse(await next().ended());
      expect(answer).toMatchObject({ status: 200, ...said });
    }
    await listener.shows('data: {"user_id":"5678","message":"Hi"}\n');
    await listener.shows('"How are you?"');

    const [, id] = /id: (\S+)\ndata: .*"Hi"/.exec(listener.output)!;
    const returned = next((line) => line.replace('<id>', id!));
    await returned.shows('"How are you?"');
    expect(returned.output).not.toContain('"Hi"');

    expect(await next().ended()).toMatch(/^set-cookie: guest=/im);
    const guest = next();
    await guest.shows('hub.checkpoint');
    expect(guest.output).not.toContain('"Hi"');
    const answer = JSON.parse(await next().ended());
    expect(answer).toMatchObject({
      status: 200,
      message: 'Hello from a guest',
    });
    await listener.shows(JSON.stringify(answer.user_id));

    for (const reason of [/1 to 1000/, /1 to 1000/, /Who are you/]) {
      const { statusCode, message } = JSON.parse(await next().ended());
      expect(statusCode).toBe(400);
      expect(String(message)).toMatch(reason);
    }

    const first = await next().ended();
    expect(JSON.parse(first)).toMatchObject({ status: 200, message: 'Once' });
    expect(await next().ended()).toBe(first);
    expect(lines).toEqual([]);

    // The writer is not told; and nothing of it has come twice.
    expect(listener.output).not.toContain('JSON without a header');
    expect(listener.output).not.toContain('Once');
  });
});
