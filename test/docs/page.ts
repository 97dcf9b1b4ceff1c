/** A line of code, and where in the page it stands. */
export interface Line {
  readonly text: string;
  /** From 1, in the page. */
  readonly number: number;
}

export interface Block {
  /** `docs/resuming.md:12`, the line of the fence. */
  readonly place: string;
  readonly page: string;
  readonly language: string;
  /** The file that it is, said in the line before: `src/main.ts`: */
  readonly name?: string;
  readonly lines: Line[];
  /** The lines of the `<!-- prelude … -->` that is in force. */
  readonly prelude: Line[];
}

export interface Link {
  readonly place: string;
  readonly target: string;
}

/** What a page of documentation holds that can be wrong. */
export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly blocks: Block[];
  readonly links: Link[];
  readonly anchors: Set<string>;
}

const FENCE = /^(\s*)(`{3,}|~{3,})\s*([^\s`]*)/;
const HEADING = /^#{1,6}\s+(.*?)\s*#*$/;
const NAME = /^`([\w./-]+\.tsx?)`:$/;
const HIDDEN_FILE = /^\s*<!--\s*([\w./-]+\.tsx?)\s*$/;
const LINK = /\]\(\s*<?([^)>\s]+)|\b(?:href|src|srcset)="([^"\s]+)/g;
const ANCHOR = /\b(?:id|name)="([^"]+)"/g;

export function parsePage(path: string, markdown: string): Page {
  const page = { path, blocks: [], links: [], anchors: new Set<string>() };
  const lines = markdown
    .split(/\r?\n/)
    .map((text, index) => ({ text, number: index + 1 }));
  let prelude: Line[] = [];
  let name: string | undefined;
  for (let line = lines.shift(); line; line = lines.shift()) {
    const fence = FENCE.exec(line.text);
    if (fence) {
      readBlock(page, line.number, fence, lines, { prelude, name });
    } else if (line.text.trimStart().startsWith('<!--')) {
      const comment = readComment(line, lines);
      if (/^\s*<!--\s*prelude\b/.test(line.text)) prelude = comment;
      addHiddenFile(page, line, comment);
    } else {
      readText(page, line);
    }
    if (line.text.trim() !== '') name = NAME.exec(line.text)?.[1];
  }
  return page;
}

function readBlock(
  page: Page,
  number: number,
  [, indent, marks, language]: RegExpExecArray,
  lines: Line[],
  context: Pick<Block, 'prelude' | 'name'>,
): void {
  const end = lines.findIndex(
    ({ text }) => /^\s*(`+|~+)\s*$/.test(text) && text.includes(marks!),
  );
  const block = lines.splice(0, end === -1 ? lines.length : end);
  lines.shift();
  page.blocks.push({
    ...context,
    place: `${page.path}:${number}`,
    page: page.path,
    language: language!.toLowerCase(),
    lines: block.map((line) => ({
      ...line,
      text: line.text.startsWith(indent!)
        ? line.text.slice(indent!.length)
        : line.text.trimStart(),
    })),
  });
}

/** What the blocks of the page import, and readers need not see. */
function addHiddenFile(page: Page, first: Line, comment: Line[]): void {
  const name = HIDDEN_FILE.exec(first.text)?.[1];
  if (!name) return;
  page.blocks.push({
    place: `${page.path}:${first.number}`,
    page: page.path,
    language: name.endsWith('x') ? 'tsx' : 'ts',
    name,
    lines: comment.slice(1),
    prelude: [],
  });
}

/** Its lines without the marks and without the word `prelude`. */
function readComment(first: Line, lines: Line[]): Line[] {
  const comment = [first];
  while (!comment.at(-1)!.text.includes('-->') && lines.length > 0) {
    comment.push(lines.shift()!);
  }
  return comment.map(({ text, number }) => ({
    number,
    text: text.replace(/^\s*<!--\s*(prelude:?)?/, '').replace(/-->.*/, ''),
  }));
}

function readText(page: Page, { text, number }: Line): void {
  const heading = HEADING.exec(text)?.[1];
  if (heading) page.anchors.add(freeSlug(page.anchors, heading));
  for (const [, name] of text.matchAll(ANCHOR)) page.anchors.add(name!);
  const withoutCode = text.replace(/`[^`]*`/g, '');
  for (const [, inline, attribute] of withoutCode.matchAll(LINK)) {
    const target = (inline ?? attribute)!;
    page.links.push({ place: `${page.path}:${number}`, target });
  }
}

/** As GitHub makes it: the second `Usage` is `usage-1`. */
function freeSlug(taken: Set<string>, heading: string): string {
  const slug = heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
  let free = slug;
  for (let count = 1; taken.has(free); count++) free = `${slug}-${count}`;
  return free;
}
