import { jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { AccountsApp, type Name, endOf } from '../sample/accounts.app.js';
import { AccountsPage } from './accounts-page.js';
import { launchChromium } from './chromium.js';
import { Proxy } from './proxy.js';

jest.setTimeout(60_000);

describe('the page of the accounts app', () => {
  let browser: Browser;
  let app: AccountsApp;
  let proxy: Proxy;

  beforeAll(async () => {
    browser = await launchChromium();
  });

  beforeEach(async () => {
    app = await AccountsApp.create();
    proxy = await Proxy.create(app.url);
  });

  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    await proxy.close();
    await app.dispose();
  });

  afterAll(() => browser.close());

  /** Opens the page in a browser profile of its own. */
  async function open(name: Name, url = app.url): Promise<AccountsPage> {
    const page = await AccountsPage.open(browser, url);
    await page.signIn(name);
    await page.isLive();
    return page;
  }

  async function openTab(of: AccountsPage, path = ''): Promise<AccountsPage> {
    const tab = await AccountsPage.in(of.context, of.page.url() + path);
    await tab.isLive();
    return tab;
  }

  /** A client beside the page, with its cookie. */
  async function listenBeside({ context }: AccountsPage, path: string) {
    const { name, value } = (await context.cookies())[0]!;
    return app.listen(path, `${name}=${value}`);
  }

  const streamRequests = () =>
    proxy.requests.filter((line) => line.includes('/events')).length;

  it('says what is wrong with a sign-in', async () => {
    const page = await AccountsPage.open(browser, app.url);
    await page.button('Sign in').waitFor();
    // That nobody is signed in yet is no error.
    expect(page.complaints).toEqual([]);
    await page.button('Sign in').click();
    await page.text('Enter your name').waitFor();
    await page.text('Enter your password').waitFor();
    await page.signIn('ada', 'wrong');
    await page.text('Name or password is wrong').waitFor();
    await page.signIn('ada');
    await page.isLive();
  });

  it('shows each of two users their own notifications; not a byte of the other gets there', async () => {
    const [ada, ben] = [await open('ada'), await open('ben')];
    const besideAda = await listenBeside(ada, '/users/ada/events');
    const besideBen = await listenBeside(ben, '/users/ben/events');

    await ada.notify('Ben', 'a secret for Ben');
    await ben.notify('Ada', 'a secret for Ada');
    await ada.entry('a secret for Ada').waitFor();
    await ben.entry('a secret for Ben').waitFor();
    // What came behind shows that nothing is still on its way.
    await ada.notify('Ada (you)', 'last for Ada');
    await ben.notify('Ben (you)', 'last for Ben');
    await ada.entry('last for Ada').waitFor();
    await ben.entry('last for Ben').waitFor();
    await besideAda.next(({ text }) => text.includes('last for Ada'));
    await besideBen.next(({ text }) => text.includes('last for Ben'));

    for (const text of [besideAda.text, ada.received.join()]) {
      expect(text).toContain('a secret for Ada');
      expect(text).not.toContain('for Ben');
    }
    for (const text of [besideBen.text, ben.received.join()]) {
      expect(text).toContain('a secret for Ben');
      expect(text).not.toContain('for Ada');
    }
    expect(await ada.entry('a secret for Ben').count()).toBe(0);
    expect(await ben.entry('a secret for Ada').count()).toBe(0);
  });

  it('has a notification once that it sends again because the answer was lost', async () => {
    const ben = await open('ben', proxy.url);
    proxy.fate = ({ method }) =>
      method === 'POST' ? 'lose the answer' : 'pass';
    await ben.page
      .getByLabel('To', { exact: true })
      .selectOption({ label: 'Ben (you)' });
    await ben.page.getByLabel('Text', { exact: true }).fill('hello');
    await ben.button('Send').click();
    await ben.text('The server cannot be reached.').waitFor();
    await ben.entry('hello').waitFor();
    proxy.fate = () => 'pass';
    await ben.button('Send').click();
    await ben.text('Sent to Ben.').waitFor();
    await ben.notify('Ben (you)', 'last');
    await ben.entry('last').waitFor();
    expect(await ben.page.locator('.entry-text').allTextContents()).toEqual([
      'last',
      'hello',
    ]);
  });

  it('shows the newsroom to editors only', async () => {
    const [ada, ben] = [await open('ada'), await open('ben')];
    await ada.text('Here now: Ada').waitFor();
    await ada.page.getByLabel('A note for editors').fill('nine sharp');
    await ada.button('Publish').click();
    await ada.entry('nine sharp').waitFor();
    await ada.notify('Ben', 'hello');
    await ben.entry('hello').waitFor();
    expect(await ben.newsroom.count()).toBe(0);
    expect(ben.received.join()).not.toContain('nine sharp');
  });

  it('signs out in all tabs at once, and no other user', async () => {
    const [ada, ben] = [await open('ada'), await open('ben')];
    const tab = await openTab(ada);
    const beside = await listenBeside(ada, '/newsroom/events');
    await ada.button('Sign out').click();
    for (const page of [ada, tab]) {
      await page.state('Signed out');
      await page.text(/You have signed out/).waitFor();
      expect(page.received.join()).toContain('{"reason":"signed-out"}');
    }
    expect(await endOf(beside)).toBe('signed-out');
    await ben.notify('Ben (you)', 'still here');
    await ben.entry('still here').waitFor();
    await tab.signIn('ada');
    await tab.isLive();
  });

  it('signs out when its stream has ended before, also if it is signed out already', async () => {
    proxy.fate = (request) =>
      request.url!.includes('/events')
        ? { stream: 'event: hub.closed\ndata: {"reason":"replaced"}\n\n' }
        : request.method === 'DELETE'
          ? 'lose the answer'
          : 'pass';
    const ben = await AccountsPage.open(browser, proxy.url);
    await ben.signIn('ben');
    await ben.state('Replaced by newer tabs');
    await ben.button('Sign out').click();
    await ben.text('Not signed out').waitFor();
    // The server has signed it out, and answers 401.
    const noStream = proxy.fate;
    proxy.fate = (request) =>
      request.method === 'DELETE' ? 'pass' : noStream(request);
    await ben.button('Sign out').click();
    await ben.text(/You have signed out/).waitFor();

    await ben.signIn('ben');
    await ben.state('Replaced by newer tabs');
    await ben.button('Sign out').click();
    await ben.text(/You have signed out/).waitFor();
  });

  it('says so when an administrator disconnects the user, in every tab', async () => {
    const [admin, ben] = [await open('admin'), await open('ben')];
    const tab = await openTab(ben);
    await admin.page.getByRole('link', { name: 'Admin' }).click();
    await admin.text('present, 2 connections').waitFor();
    expect(await admin.connections('ben').count()).toBe(2);
    await admin.button('Disconnect Ben').click();
    for (const page of [ben, tab]) {
      await page.text('An administrator has ended your session.').waitFor();
    }
    await admin.connections('ben').first().waitFor({ state: 'detached' });
    await admin.text('disconnected Ben').waitFor();
    await ben.signIn('ben');
    await ben.isLive();
    await admin.connections('ben').waitFor();
  });

  it('may listen again when only its connection was ended', async () => {
    const [admin, ben] = [await open('admin'), await open('ben')];
    await admin.page.getByRole('link', { name: 'Admin' }).click();
    const rows = admin.connections('ben');
    await rows.getByRole('button').click();
    await ben.state('Ended by an administrator');
    await rows.waitFor({ state: 'detached' });
    // It does not come back by itself.
    await admin.button('Take the editor role from Ada').click();
    await admin.text('took the editor role from Ada').waitFor();
    expect(await rows.count()).toBe(0);
    await ben.button('Listen again').click();
    await ben.isLive();
    await rows.waitFor();
  });

  it('closes the newsroom when the role is taken, and leaves the rest', async () => {
    const [admin, ada] = [await open('admin'), await open('ada')];
    await ada.newsroom.waitFor();
    await ada.text('Here now: Ada').waitFor();
    await admin.page.getByRole('link', { name: 'Admin' }).click();
    await admin.button('Take the editor role from Ada').click();
    await ada.text(/taken the editor role from you/).waitFor();
    expect(await ada.newsroom.count()).toBe(0);
    expect(ada.received.join()).toContain('{"reason":"revoked"}');
    await ada.isLive();
    await ada.notify('Ada (you)', 'still here');
    await ada.entry('still here').waitFor();
    await admin.button('Make Ada an editor').click();
    await ada.newsroom.waitFor();
    await ada.text('Here now: Ada').waitFor();
  });

  it('says when the session has expired, and asks nothing more', async () => {
    // The first time takes browser and app the longest: not out of the session that is to expire.
    await (await open('ben')).context.close();
    await app.dispose();
    app = await AccountsApp.create({ SESSION_SECONDS: '8' });
    const other = await app.signIn('ada');
    await other.listen('/users/ada/events');
    await app.drop();
    await proxy.close();
    proxy = await Proxy.create(app.url);
    const page = await open('ben', proxy.url);
    const before = streamRequests();
    await page.state('Session expired');
    await page.text('Your session has expired.').waitFor();
    expect(streamRequests()).toBe(before);
    // Over a reload, too.
    // Streams end a little before their session does.
    const session = () =>
      page.page.evaluate<{ reason?: string }>(
        `fetch('/session').then((response) => response.json())`,
      );
    while ((await session()).reason !== 'expired');
    await page.page.reload();
    await page.state('Session expired');
    expect(streamRequests()).toBe(before);
  });

  it.each([
    ['replaced', 'Replaced by newer tabs'],
    ['revoked', 'Ended by an administrator'],
  ])('does not come back by itself after %s', async (reason, said) => {
    proxy.fate = ({ url }) =>
      url!.includes('/events')
        ? { stream: `event: hub.closed\ndata: {"reason":"${reason}"}\n\n` }
        : 'pass';
    const page = await AccountsPage.open(browser, proxy.url);
    await page.signIn('ben');
    await page.state(said);
    expect(streamRequests()).toBe(1);
    proxy.fate = () => 'pass';
    await page.button('Listen again').click();
    await page.isLive();
    expect(streamRequests()).toBe(2);
  });

  it.each(['unavailable', 'overloaded'])(
    'leaves it to the browser to come back after %s',
    async (reason) => {
      proxy.fate = ({ url }) =>
        url!.includes('/events')
          ? {
              stream: `retry: 100\n\nevent: hub.closed\ndata: {"reason":"${reason}"}\n\n`,
            }
          : 'pass';
      const page = await AccountsPage.open(browser, proxy.url);
      await page.signIn('ben');
      await page.isLive();
      proxy.fate = () => 'pass';
      proxy.cut();
      await page.state(/Reconnecting/);
      await page.isLive();
    },
  );

  it('opens its stream again after a proxy has failed', async () => {
    const page = await open('ben', proxy.url);
    proxy.fate = ({ url }) => (url!.includes('/events') ? 502 : 'pass');
    proxy.cut();
    await page.state('Reconnecting, attempt 2');
    const visitor = await app.signIn('ada');
    await visitor.notify('ben', 'meanwhile');
    proxy.fate = () => 'pass';
    await page.entry('meanwhile').waitFor();
    await page.isLive();
  });

  it('has the role that it was given in a gap', async () => {
    const page = await open('ben', proxy.url);
    const isStream = ({ url }: { url?: string }) => url!.includes('/events');
    proxy.fate = (request) => (isStream(request) ? 'hold' : 'pass');
    proxy.cut();
    await page.state(/Reconnecting/);
    const admin = await app.signIn('admin');
    await admin.status('PUT', '/admin/users/ben/roles/editor');
    proxy.fate = (request) => {
      if (!isStream(request)) {
        return 'pass';
      }
      proxy.fate = () => 'pass';
      return { stream: 'event: hub.reset\ndata: {}\n\n' };
    };
    proxy.cut();
    await page.state('Live · caught up after a gap');
    await page.newsroom.waitFor();
  });

  it('notices a session that ended while it was offline', async () => {
    const page = await open('ben');
    await page.context.setOffline(true);
    await page.state(/Reconnecting/);
    const admin = await app.signIn('admin');
    await admin.status('DELETE', '/admin/users/ben/sessions');
    await page.context.setOffline(false);
    await page.text('Your session has ended.').waitFor();
  });

  it('does not take the events of who signed in meanwhile for its own', async () => {
    const ada = await open('ada', proxy.url);
    // Another tab, still at the form, signs in over the session of this one.
    await ada.page.evaluate(`
      fetch('/session', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ name: 'ben', password: 'ben-demo' }),
      })
    `);
    proxy.cut();
    await ada.page.locator('.current-user').getByText('Ben').waitFor();
    await ada.isLive();
    expect(await ada.newsroom.count()).toBe(0);
  });

  it('keeps to its Content-Security-Policy, and can be used by keyboard alone', async () => {
    const ben = await open('ben');
    await ben.page.reload();
    await ben.isLive();
    ben.complaints.length = 0;
    const { keyboard } = ben.page;
    const focused = () =>
      ben.page.evaluate<string>('document.activeElement.name ?? ""');
    while ((await focused()) !== 'to') {
      await keyboard.press('Tab');
    }
    await keyboard.press('b');
    await keyboard.press('Tab');
    await keyboard.type('by keyboard');
    await keyboard.press('Tab');
    await keyboard.press('Enter');
    await ben.entry('by keyboard').waitFor();
    expect(ben.complaints).toEqual([]);
  });
});
