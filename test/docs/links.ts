import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Link, Page } from './page.js';

const root = join(import.meta.dirname, '../..');

/** Links to files and headings that are not there; the web is not asked. */
export function linkErrors(page: Page, pages: Page[]): string[] {
  return page.links.flatMap((link) => {
    const wrong = errorOf(link, page, pages);
    return wrong ? [`${link.place}: ${wrong}`] : [];
  });
}

function errorOf(
  { target }: Link,
  page: Page,
  pages: Page[],
): string | undefined {
  if (/^[a-z]+:/i.test(target)) return undefined;
  const [path, anchor] = decodeURI(target).split('#');
  const file = path
    ? relative(root, join(root, dirname(page.path), path))
    : page.path;
  const linked = pages.find((other) => other.path === file);
  if (!linked && !existsSync(join(root, file))) return `no file ${file}`;
  if (anchor && linked && !linked.anchors.has(anchor)) {
    return `no heading #${anchor} in ${file}`;
  }
  return undefined;
}
