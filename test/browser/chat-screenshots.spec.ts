import { jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { ChatApp } from '../sample/chat.app.js';
import { ChatPage } from './chat-page.js';
import { launchChromium } from './chromium.js';
import { LOOKS, takePicture } from './looks.js';
import { Proxy } from './proxy.js';

jest.setTimeout(120_000);

const OTHER = 'violet-heron~11111111111111111111';
const MANY = Array.from({ length: 48 }, (_, n) => {
  const names = ['golden-lynx', 'jade-wren', 'scarlet-crane', 'silver-marten'];
  return `${names[n % 4]}~${String(n).padStart(20, '0')}`;
});

const DAY = 24 * 3_600_000;
const MINUTE = 60_000;
const LONG =
  'The ferry back only leaves at four, and there is no heating up there. Please bring the recorder, the good microphone and something warm: last time we had to stop after an hour because nobody could hold a pen any more.';
const LINK = `https://example.org/a/path/${'that-does-not-end-'.repeat(6)}`;

/** Three days of talk, told as the app would tell it. */
function talk(you: string, crowd: string[]): string {
  // At noon, so that what is a minute apart is of one day.
  const noon = new Date().setHours(12, 0, 0, 0);
  const said = (user_id: string, ago: number, message: string) => ({
    user_id,
    message,
    id: `${ago}`,
    at: new Date(noon - ago).toISOString(),
  });
  const messages = [
    said(
      OTHER,
      2 * DAY + 3 * MINUTE,
      'Is anybody at the lighthouse this week?',
    ),
    said(you, 2 * DAY + 2 * MINUTE, 'I am, from Thursday on'),
    said(you, 2 * DAY + MINUTE, 'Do you need anything?'),
    said(OTHER, DAY + 50 * MINUTE, LONG),
    said('1234', DAY + 49 * MINUTE, 'Hi'),
    said(
      '1234',
      DAY + 48 * MINUTE,
      'I can lend you mine:\n- recorder\n- two batteries',
    ),
    said(you, DAY, 'Thank you!'),
    said(OTHER, 9 * MINUTE, 'The tide table is here:'),
    said(OTHER, 8 * MINUTE, LINK),
    said(you, 7 * MINUTE, `Got it. ${LONG}`),
    said(OTHER, MINUTE, 'See you there'),
  ];
  const users = [you, OTHER, '1234', ...crowd];
  const present = { you, users, count: users.length + crowd.length };
  return [
    `data: ${JSON.stringify(messages)}`,
    'event: hub.checkpoint\nid: e-0\ndata: {}',
    `event: present\ndata: ${JSON.stringify(present)}`,
    '',
  ].join('\n\n');
}

describe.each(LOOKS)(
  'every state of the page of the chat on $name',
  ({ name, ...look }) => {
    let browser: Browser;
    let app: ChatApp;
    let proxy: Proxy;
    let page: ChatPage;

    beforeAll(async () => {
      browser = await launchChromium();
      app = await ChatApp.create();
      proxy = await Proxy.create(app.url);
    });

    afterAll(async () => {
      await browser.close();
      await proxy.close();
      await app.dispose();
    });

    const shoot = async (state: string) => {
      await takePicture(page.page, `chat-${state}-${name}`);
      // Only the messages scroll.
      const overflow = await page.page.evaluate<number>(
        'document.documentElement.scrollHeight - innerHeight',
      );
      expect(overflow).toBe(0);
    };

    const isStream = ({ url }: { url?: string }) =>
      url!.startsWith('/messages');
    const isPost = ({ method }: { method?: string }) => method === 'POST';

    const reload = async (
      stream: 'pass' | 'hold' | number | { stream: string },
    ) => {
      proxy.fate = (request) => (isStream(request) ? stream : 'pass');
      await page.page.reload();
    };

    it('is shown and fits the screen', async () => {
      const guest = await app.guest();
      const context = await browser.newContext(look);
      const [cookie, value] = guest.cookie.split('=') as [string, string];
      await context.addCookies([{ name: cookie, value, url: proxy.url }]);

      proxy.fate = (request) => (isStream(request) ? 'hold' : 'pass');
      page = await ChatPage.in(context, proxy.url);
      await page.text('Loading the messages…').waitFor();
      await shoot('01-loading');

      await reload(502);
      await page.text('The messages could not be loaded').waitFor();
      await shoot('02-not-loaded');

      await reload('pass');
      await page.isLive();
      await page.text('No messages yet').waitFor();
      await shoot('03-empty');

      await page.say('The first');
      await page.own('The first').waitFor();
      await app.say('1234', 'The second');
      await page.said('The second').waitFor();
      await shoot('04-few');

      proxy.fate = (request) => (isPost(request) ? 'hold' : 'pass');
      await page.say('On its way');
      await page.unsent('On its way').waitFor();
      await page.box.fill('Written meanwhile\nin two lines');
      await shoot('05-sending');

      await reload({ stream: talk(guest.id, []) });
      await page.isLive();
      await page.own('On its way').waitFor();
      await shoot('06-days');

      await page.page
        .getByRole('log')
        .evaluate((each: any) => each.scrollTo(0, 0));
      await page.button('To the newest').waitFor();
      await shoot('07-scrolled-up');

      await reload({ stream: talk(guest.id, MANY) });
      await page.isLive();
      await page.text('and 48 more').waitFor();
      await shoot('08-crowded');

      proxy.fate = () => 502;
      proxy.cut();
      await page.state('Reconnecting, attempt 2');
      await page.say('Can you hear me?');
      await page.say(LONG);
      await page
        .unsent('Can you hear me?')
        .getByText(/Not sent yet/)
        .waitFor();
      await page
        .unsent(LONG)
        .getByText(/Not sent yet/)
        .waitFor();
      await shoot('09-reconnecting-unsent');

      proxy.fate = () => 'pass';
      await page.state('Live · begun anew after a gap');
      await page.own(LONG).waitFor();
      await shoot('10-begun-anew');

      await page.say('x'.repeat(1_001));
      await page.text(/^Not sent: /).waitFor();
      await page.box.fill('y'.repeat(950));
      await shoot('11-refused');

      await reload({
        stream: 'event: hub.closed\ndata: {"reason":"replaced"}\n\n',
      });
      await page.state('Replaced by newer tabs');
      await shoot('12-replaced');
    });
  },
);
