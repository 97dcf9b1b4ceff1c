import { jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { ALIEN, HEAT, MovieEventsApp } from '../sample/movie-events.app.js';
import { launchChromium } from './chromium.js';
import { LOOKS, takePicture } from './looks.js';
import { MoviePage } from './movie-page.js';
import { Proxy } from './proxy.js';

jest.setTimeout(60_000);

const MORE = [
  { title: 'The Good, the Bad and the Ugly', year: 1966, genre: 'western' },
  { title: '2001: A Space Odyssey', year: 1968, genre: 'science-fiction' },
  {
    title:
      'Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb',
    year: 1964,
    genre: 'comedy',
  },
  { title: 'Spirited Away', year: 2001, genre: 'animation' },
];

describe.each(LOOKS)(
  'every state of the page on $name',
  ({ name, ...look }) => {
    let browser: Browser;
    let app: MovieEventsApp;
    let proxy: Proxy;
    let page: MoviePage;

    beforeAll(async () => {
      browser = await launchChromium();
      app = await MovieEventsApp.create();
      proxy = await Proxy.create(app.url);
    });

    afterAll(async () => {
      await browser.close();
      await proxy.close();
      await app.dispose();
    });

    const shoot = (state: string) => takePicture(page.page, `${state}-${name}`);

    it('is shown and fits the screen', async () => {
      proxy.fate = ({ url }) => (url === '/movies' ? 'hold' : 'pass');
      page = await MoviePage.open(browser, proxy.url, look);
      await page.text('Connecting…').waitFor();
      await shoot('1-loading');

      proxy.fate = ({ url }) => (url === '/movies' ? 502 : 'pass');
      await page.page.reload();
      await page.text('The movies could not be loaded').waitFor();
      await shoot('2-not-loaded');

      proxy.fate = () => 'pass';
      await page.page.reload();
      await page.isLive();
      await page.text('1 watching').waitFor();
      await shoot('3-empty');

      await page.button('Add movie').click();
      await page.text('Please check the marked fields.').waitFor();
      await shoot('4-invalid');

      for (const movie of [ALIEN, ...MORE, HEAT]) {
        await app.add(movie);
      }
      await page.movie('Heat').waitFor();
      await page.fill({
        title: 'Arrival',
        year: 2016,
        genre: 'science-fiction',
      });
      await page.button('Add movie').click();
      await page.text('“Arrival” is added.').waitFor();
      await page.movie('Arrival').waitFor();
      await shoot('5-live');

      await page.button('Edit Alien').click();
      await page.button('Delete Heat').click();
      await page.page.getByText('Raw events').click();
      await shoot('6-edit-delete-log');
      await page.page.getByText('Raw events').click();
      await page.button('Cancel').click();
      await page.button('Keep').click();

      await app.end('SIGKILL');
      await page.fill({ title: 'Dune', year: 2021, genre: 'science-fiction' });
      await page.button('Add movie').click();
      await page.text('Reconnecting, attempt 2').waitFor();
      await page.text(/Not sent yet/).waitFor();
      await shoot('7-reconnecting-unsent');

      await app.start();
      await page.text('Live · caught up after a gap').waitFor();
      await page.text('“Dune” is added.').waitFor();
      await page.movie('Dune').waitFor();
      await shoot('8-caught-up');

      await page.page.locator('.genre-filter select').selectOption('romance');
      await page.text('No romance movies yet').waitFor();
      await page.isLive();
      await shoot('9-no-match');
    });
  },
);
