import { jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { TickerApp } from '../sample/ticker.app.js';
import { launchChromium } from './chromium.js';
import { LOOKS, takePicture } from './looks.js';

jest.setTimeout(60_000);

let browser: Browser;
let app: TickerApp;

beforeAll(async () => {
  browser = await launchChromium();
});

beforeEach(async () => {
  app = await TickerApp.create();
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await app.dispose();
});

afterAll(() => browser.close());

const isIn = (page: Page, card: string, state: string) =>
  page.locator(`#${card}[data-state="${state}"]`).waitFor();

const openAll = (page: Page) =>
  Promise.all(
    ['talk', 'clock', 'updates'].map((card) => isIn(page, card, 'open')),
  );

const message = (page: Page, card: string, text: string | RegExp) =>
  page.locator(`#${card} .messages li`).getByText(text).first();

/** What a figure becomes, so many times in a row, as the page itself sees it. */
function ticks(page: Page, selector: string, count: number): Promise<number[]> {
  return page.evaluate<number[]>(
    `new Promise((resolve) => {
      const figure = document.querySelector(${JSON.stringify(selector)});
      const seen = [];
      new MutationObserver(() => {
        if (/^\\d+$/.test(figure.textContent)) {
          seen.push(Number(figure.textContent));
        }
        if (seen.length === ${count}) {
          resolve(seen);
        }
      }).observe(figure, { childList: true, characterData: true, subtree: true });
    })`,
  );
}

describe('the page of the ticker', () => {
  const open = async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(app.url);
    return page;
  };

  it('hears all three streams, two of them of another origin and with its cookie', async () => {
    const page = await open();
    await openAll(page);
    await message(page, 'talk', /It is \d{4}-/).waitFor();
    await message(page, 'clock', 'hello from stream').waitFor();
    await message(page, 'clock', 'open').waitFor();
    await page.locator('#clock time[datetime]').waitFor();
    const [{ value }] = await page.context().cookies();
    await page.locator('.visitor').getByText(value!, { exact: true }).waitFor();
    expect(await page.locator('#clock .url').textContent()).toBe(
      `${app.streams}/clock`,
    );
  });

  it('shows the counter of everybody beside its own', async () => {
    const first = await open();
    const [earlier, later] = await ticks(first, '.own', 2);
    expect(later).toBe(earlier! + 1);
    const second = await open();
    const [own] = await ticks(second, '.own', 1);
    const [shared] = await ticks(second, '.shared', 1);
    expect(shared).toBeGreaterThan(own!);
    await first.waitForFunction(
      `Number(document.querySelector('.shared').textContent) >= ${shared}`,
    );
  });

  it('stops talking, and starts again', async () => {
    const page = await open();
    await message(page, 'talk', 'It is').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await isIn(page, 'talk', 'stopped');
    await page.getByRole('button', { name: 'Start' }).click();
    await isIn(page, 'talk', 'open');
    await page.locator('#talk .messages li:nth-child(2)').waitFor();
  });

  it('has one stream when it was stopped and started while it waited for another try', async () => {
    const page = await (await browser.newContext()).newPage();
    const requests: string[] = [];
    await page.route(/\/talk/, (route) => {
      const { search } = new URL(route.request().url());
      // Two are refused, the third is held.
      return requests.push(search) === 3
        ? undefined
        : route.fulfill({ status: 502 });
    });
    await page.clock.install({ time: 0 });
    await page.clock.pauseAt(1_000);
    await page.goto(app.url);
    await isIn(page, 'talk', 'reconnecting');
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Start' }).click();
    await isIn(page, 'talk', 'reconnecting');
    await page.clock.runFor(10_000);
    // What came before it is there, too.
    await page.evaluate(`fetch('/talk?last').then(() => undefined)`);
    expect(requests).toEqual(['', '', '', '?last']);
  });

  it('comes back by itself after the server was killed', async () => {
    const page = await open();
    await openAll(page);
    await app.end('SIGKILL');
    for (const card of ['talk', 'clock', 'updates']) {
      await isIn(page, card, 'reconnecting');
    }
    await message(page, 'clock', 'error').waitFor();
    await app.start();
    await openAll(page);
  });

  it('is what the address of a stream shows', async () => {
    const page = await (await browser.newContext()).newPage();
    for (const url of [`${app.url}/talk`, `${app.streams}/updates`]) {
      await page.goto(url);
      await openAll(page);
    }
  });
});

describe.each(LOOKS)(
  'every state of the page of the ticker on $name',
  ({ name, ...look }) => {
    it('is shown and fits the screen', async () => {
      const page = await (await browser.newContext(look)).newPage();
      const shoot = (state: string) =>
        takePicture(page, `ticker-${state}-${name}`);
      await page.route('**/talk', () => undefined);
      await page.route('**/config', () => undefined);
      await page.goto(app.url);
      await isIn(page, 'talk', 'connecting');
      await shoot('1-connecting');

      await page.unroute('**/talk');
      await page.unroute('**/config');
      await page.reload();
      await openAll(page);
      await message(page, 'talk', 'It is').waitFor();
      await ticks(page, '.own', 1);
      await ticks(page, '.shared', 1);
      await page.locator('#clock time[datetime]').waitFor();
      await shoot('2-open');

      await page.getByRole('button', { name: 'Stop' }).click();
      await app.end('SIGKILL');
      await isIn(page, 'clock', 'reconnecting');
      await message(page, 'clock', 'error').waitFor();
      await shoot('3-reconnecting');
    });
  },
);
