import { jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { ChatApp } from '../sample/chat.app.js';
import { ChatPage } from './chat-page.js';
import { launchChromium } from './chromium.js';
import { Proxy } from './proxy.js';

jest.setTimeout(60_000);

describe('the page of the chat', () => {
  let browser: Browser;
  let app: ChatApp;
  let proxy: Proxy;

  beforeAll(async () => {
    browser = await launchChromium();
  });

  beforeEach(async () => {
    app = await ChatApp.create();
    proxy = await Proxy.create(app.url);
  });

  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    await proxy.close();
    await app.dispose();
  });

  afterAll(() => browser.close());

  const open = async (url = app.url, options = {}) => {
    const page = await ChatPage.open(browser, url, options);
    await page.isLive();
    return page;
  };

  const isPost = ({ method }: { method?: string }) => method === 'POST';

  it('shows to two guests what the other says, by name', async () => {
    // Where it is noon: no midnight comes between a message and the page's today.
    const east = 12 - new Date().getUTCHours();
    const timezoneId = `Etc/GMT${east < 0 ? '+' : '-'}${Math.abs(east)}`;
    const ada = await open(app.url, { timezoneId });
    const ben = await open(app.url, { timezoneId });
    await ada.say('Hi');
    await ben.said('Hi').waitFor();
    await ben.say('Hello!');
    await ada.said('Hello!').waitFor();
    await ada.own('Hi').waitFor();
    expect(await ada.own('Hello!').count()).toBe(0);
    expect(await ada.texts()).toEqual(['Hi', 'Hello!']);
    expect(await ben.texts()).toEqual(['Hi', 'Hello!']);
    const head = ben.page.locator('.turn-head:not(.visually-hidden)');
    expect(await head.allTextContents()).toEqual([await ada.name()]);
    await ada.page.getByRole('heading', { name: 'Today' }).waitFor();
  });

  it('shows a message that a curl has sent, and that its id proves nothing', async () => {
    const page = await open();
    await app.say('1234', 'Hi');
    await page.said('Hi').waitFor();
    await page.page.locator('.turn-head').getByText('?id=').waitFor();
  });

  it('shows who is in the room, and who is no more', async () => {
    const ada = await open();
    const ben = await open();
    for (const name of [await ada.name(), await ben.name()]) {
      // There are 256 names, so now and then two have the same.
      await ada.person(name).first().waitFor();
      await ben.person(name).first().waitFor();
    }
    await ada.page.locator('.count').getByText('2').waitFor();
    await ben.context.close();
    await ada.page.locator('.count').getByText('1').waitFor();
  });

  it('shows an own message at once, and confirms it when the server has it', async () => {
    const [ada, ben] = [await open(proxy.url), await open()];
    proxy.fate = (request) => (isPost(request) ? 'hold' : 'pass');
    await ada.say('Hi');
    await ada.unsent('Hi').getByText('Sending…').waitFor();
    expect(await ben.said('Hi').count()).toBe(0);
    // The answer is lost, and the page asks again.
    proxy.fate = () => 'pass';
    proxy.cut();
    await ada.own('Hi').waitFor();
    await ben.said('Hi').waitFor();
    expect(await ada.unsent('Hi').count()).toBe(0);
    expect(await ada.texts()).toEqual(['Hi']);
  });

  it('keeps what it cannot send while the server is away, and sends it in order when it is back', async () => {
    const [ada, ben] = [await open(), await open()];
    await app.end('SIGKILL');
    await ada.state(/Reconnecting, attempt \d/);
    await ada.say('first');
    await ada.say('second');
    await ada
      .unsent('first')
      .getByText(/Not sent yet/)
      .waitFor();
    await ada
      .unsent('second')
      .getByText(/Not sent yet/)
      .waitFor();
    await app.start();
    for (const page of [ada, ben]) {
      await page.said('second').waitFor();
      expect(await page.texts()).toEqual(['first', 'second']);
    }
    expect(await ada.unsent('').count()).toBe(0);
  });

  it('keeps an unsent message over a reload, and it is stored once', async () => {
    const page = await open(proxy.url);
    // The app gets it, but the page never hears so; then nothing gets through.
    const fates: ('lose the answer' | 502)[] = ['lose the answer'];
    proxy.fate = (request) => (isPost(request) ? (fates.pop() ?? 502) : 'pass');
    await page.say('Hi');
    await page
      .unsent('Hi')
      .getByText(/Not sent yet/)
      .waitFor();
    await page.page.reload();
    await page
      .unsent('Hi')
      .getByText(/Not sent yet/)
      .waitFor();
    proxy.fate = () => 'pass';
    await page.unsent('Hi').waitFor({ state: 'detached' });
    expect(await page.texts()).toEqual(['Hi']);
    expect(await page.page.evaluate('localStorage.length')).toBe(0);
    await page.page.reload();
    await page.own('Hi').waitFor();
    expect(await page.texts()).toEqual(['Hi']);
    expect(await page.unsent('').count()).toBe(0);
  });

  it('says why the server has refused a message, and has it written again', async () => {
    const page = await open();
    const long = 'x'.repeat(1_001);
    await page.say(long);
    await page
      .unsent(long)
      .getByText('Not sent: message must be a text of 1 to 1000 characters')
      .waitFor();
    // It holds up nothing.
    await page.say('short');
    await page.own('short').waitFor();
    await page.button('Edit').click();
    expect(await page.box.inputValue()).toBe(long);
    await page.text('1001 of 1000 characters').waitFor();
    expect(await page.unsent('').count()).toBe(0);
    await page.say(long);
    await page.button('Discard').click();
    await page.page.reload();
    await page.own('short').waitFor();
    expect(await page.unsent('').count()).toBe(0);
  });

  it('begins anew when the server has lost what was said', async () => {
    const page = await open();
    await app.say('1234', 'before');
    await page.said('before').waitFor();
    await app.end('SIGKILL');
    await page.state(/Reconnecting/);
    await app.start();
    await app.say('1234', 'after');
    await page.state('Live · begun anew after a gap');
    await page.said('after').waitFor();
    expect(await page.texts()).toEqual(['after']);
    await app.say('1234', 'later');
    await page.said('later').waitFor();
  });

  it('has what was said while it was offline, without a gap', async () => {
    const page = await open();
    await app.say('1234', 'before');
    await page.said('before').waitFor();
    await page.context.setOffline(true);
    await page.state(/Reconnecting/);
    await app.say('1234', 'missed');
    await page.context.setOffline(false);
    await page.said('missed').waitFor();
    expect(await page.texts()).toEqual(['before', 'missed']);
    await page.page.getByText('Live', { exact: true }).waitFor();
  });

  it.each([502, 401])(
    'opens the stream again after a %d, from where it was',
    async (status) => {
      const page = await open(proxy.url);
      await app.say('1234', 'before');
      await page.said('before').waitFor();
      proxy.fate = () => status;
      proxy.cut();
      await page.state('Reconnecting, attempt 2');
      await app.say('1234', 'missed');
      proxy.fate = () => 'pass';
      await page.said('missed').waitFor();
      expect(await page.texts()).toEqual(['before', 'missed']);
      await page.page.getByText('Live', { exact: true }).waitFor();
      const streams = proxy.requests.filter((line) =>
        line.startsWith('GET /messages'),
      );
      expect(streams.at(-1)).toMatch(/\?lastEventId=\w+-\w+$/);
    },
  );

  it('keeps an own message that is newer than the history it begins anew with', async () => {
    const page = await open(proxy.url);
    await page.say('lost');
    await page.own('lost').waitFor();
    const reset = { stream: 'event: hub.reset\ndata: {}\n\n' };
    const empty = {
      stream: 'data: []\n\nevent: hub.checkpoint\nid: e-0\ndata: {}\n\n',
    };
    const fates: (typeof reset | 502)[] = [reset];
    proxy.fate = (request) => (isPost(request) ? 'pass' : (fates.pop() ?? 502));
    proxy.cut();
    await page.state('Reconnecting, attempt 2');
    await page.say('newer');
    await page.own('newer').waitFor();
    proxy.fate = () => empty;
    await page.state('Live · begun anew after a gap');
    expect(await page.texts()).toEqual(['newer']);
    // The next history knows of it, or has lost it.
    fates.push(reset);
    proxy.fate = () => fates.pop() ?? empty;
    proxy.cut();
    await page.text('No messages yet').waitFor();
  });

  it('stops when it is told to, and listens again when asked to', async () => {
    proxy.fate = ({ url }) =>
      url!.startsWith('/messages')
        ? { stream: 'event: hub.closed\ndata: {"reason":"replaced"}\n\n' }
        : 'pass';
    const page = await ChatPage.open(browser, proxy.url);
    await page.state('Replaced by newer tabs');
    await page.text('This page does not listen any more').waitFor();
    proxy.fate = () => 'pass';
    await page.button('Listen again').click();
    await page.isLive();
  });

  it('has in another tab of the browser what was written in the first', async () => {
    const first = await open();
    const other = await ChatPage.in(first.context, app.url);
    await other.isLive();
    expect(await other.name()).toBe(await first.name());
    await first.say('Hi');
    await other.own('Hi').waitFor();
    await app.say('1234', 'Hello');
    for (const page of [first, other]) {
      await page.said('Hello').waitFor();
      expect(await page.texts()).toEqual(['Hi', 'Hello']);
    }
  });

  it('is who its cookie says, also when that has changed', async () => {
    const page = await open();
    const other = await app.guest();
    const [name, value] = other.cookie.split('=') as [string, string];
    await page.context.addCookies([{ name, value, url: app.url }]);
    await page.say('Hi');
    await page.own('Hi').waitFor();
    expect(await page.texts()).toEqual(['Hi']);
    const [colour, animal] = other.id.split(/[-~]/) as [string, string];
    expect((await page.name()).toLowerCase()).toBe(`${colour} ${animal}`);
  });

  it('leaves who reads further up where they are', async () => {
    for (let count = 1; count <= 60; count++) {
      await app.say('1234', `message ${count}`);
    }
    const page = await open();
    await page.said('message 60').waitFor();
    const log = page.page.getByRole('log');
    const fromEnd = () =>
      log.evaluate(
        (each: any) => each.scrollHeight - each.scrollTop - each.clientHeight,
      );
    expect(await fromEnd()).toBeLessThan(1);

    await log.evaluate((each: any) => each.scrollTo(0, 200));
    await page.button('To the newest').waitFor();
    await app.say('1234', 'new');
    await page.button('1 new message').waitFor();
    expect(await log.evaluate((each: any) => each.scrollTop)).toBe(200);
    await page.button('1 new message').click();
    expect(await fromEnd()).toBeLessThan(1);
    await app.say('1234', 'newest');
    await page.said('newest').waitFor();
    expect(await fromEnd()).toBeLessThan(1);

    await log.evaluate((each: any) => each.scrollTo(0, 200));
    await page.button('To the newest').waitFor();
    await page.say('mine');
    await page.own('mine').waitFor();
    expect(await fromEnd()).toBeLessThan(1);
  });

  it('can be used by keyboard alone', async () => {
    const page = await open();
    const { keyboard } = page.page;
    const focused = () =>
      page.page.evaluate<string>('document.activeElement.id');
    while ((await focused()) !== 'message') {
      await keyboard.press('Tab');
    }
    await keyboard.type('two');
    await keyboard.press('Shift+Enter');
    await keyboard.type('lines');
    await keyboard.press('Enter');
    await page.own('two\nlines').waitFor();
    expect(await page.texts()).toEqual(['two\nlines']);
    expect(await focused()).toBe('message');
    expect(await page.box.inputValue()).toBe('');
    // Nothing but white space is nothing.
    await keyboard.type('  ');
    await keyboard.press('Enter');
    await keyboard.type('end');
    await keyboard.press('Enter');
    await page.own('end').waitFor();
    expect(await page.texts()).toEqual(['two\nlines', 'end']);
  });

  it('shows what is written as text', async () => {
    const page = await open();
    await app.say('1234', '<img src=x onerror="document.title=1"> & <b>');
    await page.said('<img src=x').waitFor();
    expect(await page.page.locator('.bubble img, .bubble b').count()).toBe(0);
  });

  it('is what the address of a stream shows', async () => {
    for (const path of ['/messages', '/messages?id=1234', '/chat']) {
      const page = await open(app.url + path);
      await page.text('No messages yet').waitFor();
    }
  });
});
