import { jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { ALIEN, HEAT, MovieEventsApp } from '../sample/movie-events.app.js';
import { launchChromium } from './chromium.js';
import { MoviePage } from './movie-page.js';
import { Proxy } from './proxy.js';

jest.setTimeout(60_000);

describe('the page of the movie-events app', () => {
  let browser: Browser;
  let app: MovieEventsApp;
  let proxy: Proxy;

  beforeAll(async () => {
    browser = await launchChromium();
  });

  beforeEach(async () => {
    app = await MovieEventsApp.create();
    proxy = await Proxy.create(app.url);
  });

  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    await proxy.close();
    await app.dispose();
  });

  afterAll(() => browser.close());

  const open = async (url = app.url) => {
    const page = await MoviePage.open(browser, url);
    await page.isLive();
    return page;
  };

  const isStream = ({ url }: { url?: string }) => url!.startsWith('/events');

  it('shows the movie of a curl on two pages at once', async () => {
    const pages = [await open(), await open()];
    await app.curl(ALIEN);
    for (const page of pages) {
      await page.movie('Alien').waitFor();
      await page.text('2 watching').waitFor();
    }
    await pages[1]!.context.close();
    await pages[0]!.text('1 watching').waitFor();
  });

  it('recovers from a killed server, and the list is right', async () => {
    const pages = [await open(), await open()];
    await app.curl(ALIEN);
    await pages[0]!.movie('Alien').waitFor();
    await app.end('SIGKILL');
    for (const page of pages) {
      await page.text(/Reconnecting, attempt \d/).waitFor();
    }
    await app.start();
    await app.curl(HEAT);
    for (const page of pages) {
      await page.text('Live · caught up after a gap').waitFor();
      expect(await page.titles()).toEqual(['Heat', 'Alien']);
    }
    await app.curl({ ...ALIEN, title: 'It' });
    for (const page of pages) {
      await page.movie('It').waitFor();
    }
  });

  it('has the movie that was added while it was offline, without a gap', async () => {
    const page = await open();
    await page.context.setOffline(true);
    await page.text(/Reconnecting/).waitFor();
    await app.curl(ALIEN);
    await page.context.setOffline(false);
    await page.movie('Alien').waitFor();
    await page.page.getByText('Live', { exact: true }).waitFor();
  });

  it("shows the server's messages at the fields of an invalid form", async () => {
    const page = await open();
    await page.field('Year').fill('soon');
    await page.button('Add movie').click();
    await page.text('Please check the marked fields.').waitFor();
    const describedBy = async (label: string) => {
      const id = await page.field(label).getAttribute('aria-describedby');
      return page.page.locator(`[id="${id}"]`).textContent();
    };
    expect(await describedBy('Title')).toBe(
      'title must be a text of 1 to 200 characters',
    );
    expect(await describedBy('Year')).toBe('year must be a whole number');
    expect(await describedBy('Genre')).toMatch(
      /^genre must be one of: action, /,
    );
    expect(await page.field('Year').inputValue()).toBe('soon');
  });

  it('can be used by keyboard alone', async () => {
    const opened = await open();
    const { keyboard } = opened.page;
    const focused = () =>
      opened.page.evaluate<string>('document.activeElement.name');
    while ((await focused()) !== 'title') {
      await keyboard.press('Tab');
    }
    await keyboard.type('Alien');
    await keyboard.press('Tab');
    await keyboard.type('1979');
    await keyboard.press('Tab');
    await keyboard.type('horror');
    await keyboard.press('Tab');
    await keyboard.press('Enter');
    await opened.movie('Alien').waitFor();

    const label = () =>
      opened.page.evaluate<string>('document.activeElement.ariaLabel');
    while ((await label()) !== 'Edit Alien') {
      await keyboard.press('Tab');
    }
    await keyboard.press('Enter');
    expect(await focused()).toBe('title');
    await keyboard.press('End');
    await keyboard.type('s');
    await keyboard.press('Enter');
    await opened.movie('Aliens').waitFor();
    expect(await label()).toBe('Edit Aliens');
  });

  it('keeps an unsent movie over a reload and sends it once', async () => {
    const page = await open(proxy.url);
    // The app gets it, but the page never hears so; then nothing gets through.
    const fates: ('lose the answer' | 502)[] = ['lose the answer'];
    proxy.fate = ({ method }) =>
      method === 'POST' ? (fates.pop() ?? 502) : 'pass';
    await page.fill(ALIEN);
    await page.button('Add movie').click();
    await page.text(/Not sent yet/).waitFor();
    await page.page.reload();
    await page.text(/Not sent yet/).waitFor();
    expect(await page.field('Title').inputValue()).toBe('Alien');
    proxy.fate = () => 'pass';
    await page.text('“Alien” is added.').waitFor();
    expect(await page.field('Title').inputValue()).toBe('');
    expect(await page.titles()).toEqual(['Alien']);
    await page.page.reload();
    await page.movie('Alien').waitFor();
    await page.isLive();
    expect(await page.titles()).toEqual(['Alien']);
    expect(await page.text(/Not sent yet/).count()).toBe(0);
  });

  it('sends an unsent movie by itself when the server is back', async () => {
    const page = await open();
    await app.end('SIGKILL');
    await page.fill(HEAT);
    await page.button('Add movie').click();
    await page.text(/Not sent yet/).waitFor();
    await app.start();
    await page.movie('Heat').waitFor();
    await page.text('“Heat” is added.').waitFor();
  });

  it.each([502, 401])('opens the stream again after a %d', async (status) => {
    const page = await open(proxy.url);
    await app.curl(ALIEN);
    await page.movie('Alien').waitFor();
    proxy.fate = (request) => (isStream(request) ? status : 'pass');
    proxy.cut();
    await page.text('Reconnecting, attempt 2').waitFor();
    await app.curl(HEAT);
    proxy.fate = () => 'pass';
    await page.movie('Heat').waitFor();
    await page.page.getByText('Live', { exact: true }).waitFor();
    // From its own cursor: the list was not loaded again.
    const loads = proxy.requests.filter((line) =>
      line.startsWith('GET /movies'),
    );
    expect(loads).toHaveLength(1);
  });

  it('stops when the stream is complete, and listens again when asked to', async () => {
    proxy.fate = (request) =>
      isStream(request)
        ? { stream: 'event: hub.complete\ndata: {}\n\n' }
        : 'pass';
    const page = await MoviePage.open(browser, proxy.url);
    await page.text('The stream has ended').waitFor();
    proxy.fate = () => 'pass';
    await page.button('Listen again').click();
    await page.isLive();
    expect(
      proxy.requests.filter((line) => line.startsWith('GET /events')),
    ).toHaveLength(2);
  });

  it.each(['unavailable', 'overloaded'])(
    'leaves it to the browser to come back after %s',
    async (reason) => {
      proxy.fate = (request) =>
        isStream(request)
          ? {
              stream: `retry: 100\n\nevent: hub.closed\ndata: {"reason":"${reason}"}\n\n`,
            }
          : 'pass';
      const page = await open(proxy.url);
      proxy.fate = () => 'pass';
      proxy.cut();
      await page.text(/Reconnecting/).waitFor();
      await page.isLive();
    },
  );

  it('edits and deletes for everybody', async () => {
    const [mine, other] = [await open(), await open()];
    await app.curl(ALIEN);
    await mine.button('Edit Alien').click();
    const form = mine.page.getByRole('form', { name: 'Edit Alien' });
    await form.getByLabel('Title').fill('Aliens');
    await form.getByLabel('Year').fill('');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('year must be a whole number').waitFor();
    await form.getByLabel('Year').fill('1986');
    await form.getByRole('button', { name: 'Save' }).click();
    await other.movie('Aliens').waitFor();
    await other.text('1986').first().waitFor();
    await mine.button('Delete Aliens').click();
    await mine.button('Delete it').click();
    for (const page of [mine, other]) {
      await page.text('No movies yet').waitFor();
    }
  });

  it('takes a movie out that the server does not have any more, whatever the stream says', async () => {
    const page = await open(proxy.url);
    const { id } = await app.add(ALIEN);
    await page.button('Delete Alien').click();
    proxy.fate = (request) => (isStream(request) ? 502 : 'pass');
    proxy.cut();
    await page.text(/Reconnecting/).waitFor();
    await app.send('DELETE', `/movie/${id}`);
    await page.button('Delete it').click();
    await page.text('No movies yet').waitFor();
  });

  it('filters by genre, also what comes and goes', async () => {
    const page = await open();
    const alien = await app.add(ALIEN);
    await app.add(HEAT);
    await page.movie('Heat').waitFor();
    await page.page.locator('.genre-filter select').selectOption('horror');
    await page.movie('Heat').waitFor({ state: 'detached' });
    await page.isLive();
    await app.add({ ...HEAT, title: 'Ronin' });
    await app.add({ ...ALIEN, title: 'It' });
    await page.movie('It').waitFor();
    expect(await page.titles()).toEqual(['It', 'Alien']);
    await app.send('PATCH', `/movie/${alien.id}`, { genre: 'thriller' });
    await page.movie('Alien').waitFor({ state: 'detached' });
    await page.page.locator('.genre-filter select').selectOption('All');
    await page.movie('Ronin').waitFor();
    expect(await page.titles()).toEqual(['It', 'Ronin', 'Heat', 'Alien']);
  });
});
