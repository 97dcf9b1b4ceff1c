import { jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { AccountsApp, type Visitor } from '../sample/accounts.app.js';
import { AccountsPage } from './accounts-page.js';
import { launchChromium } from './chromium.js';
import { LOOKS, takePicture } from './looks.js';
import { Proxy } from './proxy.js';

jest.setTimeout(120_000);

const LONG =
  'The interview with the lighthouse keeper has moved to Thursday, nine sharp. Please bring the recorder, the good microphone and something warm: there is no heating up there, and the ferry back only leaves at four.';

describe.each(LOOKS)(
  'every state of the accounts page on $name',
  ({ name, ...look }) => {
    let browser: Browser;
    let app: AccountsApp;
    let proxy: Proxy;
    let page: AccountsPage;
    let admin: Visitor;

    beforeAll(async () => {
      browser = await launchChromium();
      app = await AccountsApp.create();
      proxy = await Proxy.create(app.url);
      admin = await app.signIn('admin');
    });

    afterAll(async () => {
      await browser.close();
      await proxy.close();
      await app.dispose();
    });

    const shoot = (state: string) =>
      takePicture(page.page, `accounts-${state}-${name}`);

    const isStream = ({ url }: { url?: string }) => url!.includes('/events');

    const closeWith = (reason: string) => {
      proxy.fate = (request) =>
        isStream(request)
          ? { stream: `event: hub.closed\ndata: {"reason":"${reason}"}\n\n` }
          : 'pass';
      return page.page.reload();
    };

    it('is shown and fits the screen', async () => {
      proxy.fate = ({ url }) => (url === '/session' ? 502 : 'pass');
      page = await AccountsPage.open(browser, proxy.url, look);
      await page.text('This page keeps trying.').waitFor();
      await shoot('01-unreachable');

      // Before the server is back: the page tries by itself, too, and then the button is gone.
      await page.button('Try now').click();
      proxy.fate = () => 'pass';
      await page.button('Sign in').waitFor();
      await shoot('02-sign-in');

      await page.button('Sign in').click();
      await page.text('Enter your password').waitFor();
      await shoot('03-invalid');

      await page.signIn('ben', 'guessed');
      await page.text('Name or password is wrong').waitFor();
      await shoot('04-wrong-password');

      proxy.fate = ({ url, method }) =>
        method === 'GET' && url!.endsWith('/notifications') ? 'hold' : 'pass';
      await page.signIn('ben');
      await page.text('Loading the notifications…').waitFor();
      await shoot('05-loading');

      proxy.fate = ({ url, method }) =>
        method === 'GET' && url!.endsWith('/notifications') ? 502 : 'pass';
      await page.page.reload();
      await page.text('The notifications could not be loaded').waitFor();
      await shoot('06-not-loaded');

      proxy.fate = () => 'pass';
      await page.page.reload();
      await page.isLive();
      await page.text('No notifications yet').waitFor();
      await shoot('07-reader-empty');

      await page.text('From a terminal').click();
      await page.button('Send').click();
      await page.text('Write 1 to 280 characters').waitFor();
      await shoot('08-reader-invalid-terminal');

      await page.button('Sign out').click();
      await page.state('Signed out');
      await shoot('09-signed-out');

      await page.signIn('ada');
      await page.isLive();
      await page.text('No notes yet').waitFor();
      await page.page.locator('.current-user .chip').waitFor();
      await shoot('10-editor-empty');

      const ben = await app.signIn('ben');
      await ben.notify('ada', 'Did you get the photos?');
      await ben.notify('ada', LONG);
      for (const note of ['Front page closes at six.', LONG]) {
        await page.page.getByLabel('A note for editors').fill(note);
        await page.button('Publish').click();
        await page.page
          .locator('.newsroom .entry')
          .getByText(note, { exact: true })
          .waitFor();
      }
      await page.notify('Ben', 'Yes, thank you!');
      await shoot('11-editor');

      await admin.status('DELETE', '/admin/users/ada/roles/editor');
      await page.text(/taken the editor role from you/).waitFor();
      await shoot('12-role-taken');
      await admin.status('PUT', '/admin/users/ada/roles/editor');
      await page.text('Here now: Ada').waitFor();

      proxy.fate = (request) => (isStream(request) ? 502 : 'pass');
      proxy.cut();
      await page.state('Reconnecting, attempt 2');
      await shoot('13-reconnecting');

      await closeWith('replaced');
      await page.state('Replaced by newer tabs');
      await shoot('14-replaced');

      await closeWith('expired');
      await page.state('Session expired');
      await shoot('15-expired');

      proxy.fate = () => 'pass';
      await page.page.reload();
      await page.isLive();
      await admin.status('DELETE', '/admin/users/ada/sessions');
      await page.text('An administrator has ended your session.').waitFor();
      await shoot('16-disconnected');

      await page.signIn('admin');
      await page.isLive();
      await ben.listen('/users/ben/events');
      proxy.fate = (request) =>
        request.url!.startsWith('/admin') ? 'hold' : 'pass';
      await page.page.getByRole('link', { name: 'Admin' }).click();
      await page.text('Loading the connections…').waitFor();
      await shoot('17-admin-loading');

      proxy.fate = () => 'pass';
      await page.page.reload();
      await page.connections('ben').waitFor();
      await page.text('present, 2 connections').waitFor();
      await page.text('disconnected Ada').waitFor();
      expect(await page.page.locator('.activity time').count()).toBe(9);
      await shoot('18-admin');
    });
  },
);
