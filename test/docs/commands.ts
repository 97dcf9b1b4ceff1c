import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Block } from './page.js';

const root = join(import.meta.dirname, '../..');

export interface Command {
  /** `docs/resuming.md:12` */
  readonly place: string;
  readonly text: string;
}

interface Manifest {
  readonly name: string;
  readonly scripts?: Record<string, string>;
}

/** One a line; a backslash joins lines. */
export function commandsOf({ page, lines }: Block): Command[] {
  const commands: Command[] = [];
  let open: Command | undefined;
  for (const { text, number } of lines) {
    const command: Command = open
      ? { place: open.place, text: `${open.text}\n${text}` }
      : { place: `${page}:${number}`, text };
    open = text.endsWith('\\') ? command : undefined;
    if (!open && !/^\s*(#|$)/.test(command.text)) commands.push(command);
  }
  return open ? [...commands, open] : commands;
}

/** What can be told of a command without running it. */
export function commandErrors({ place, text }: Command): string[] {
  const { status, stderr } = spawnSync('bash', ['-n', '-c', text], {
    encoding: 'utf8',
  });
  if (status !== 0) return [`${place}: ${stderr.trim()}`];
  return text
    .split(/&&|\|\||[;|]/)
    .flatMap(missingScript)
    .map((missing) => `${place}: ${missing}`);
}

function missingScript(command: string): string[] {
  const npm = /(?:^|\s)npm\s+(?:run\s+([\w:-]+)|(start|test)\b)/.exec(command);
  if (!npm) return [];
  const script = (npm[1] ?? npm[2])!;
  const workspace = /\s(?:--workspace|-w)[=\s](\S+)/.exec(command)?.[1];
  const manifest = manifests().find(
    ({ name }) => name === (workspace ?? 'nestjs-sse-hub'),
  );
  if (!manifest) return [`there is no workspace ${workspace}`];
  if (manifest.scripts?.[script]) return [];
  return [`${manifest.name} has no script ${script}`];
}

function manifests(): Manifest[] {
  const samples = readdirSync(join(root, 'sample'));
  return ['.', ...samples.map((name) => `sample/${name}`)].map((directory) =>
    JSON.parse(readFileSync(join(root, directory, 'package.json'), 'utf8')),
  );
}
