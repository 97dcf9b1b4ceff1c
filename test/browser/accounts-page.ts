import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Name } from '../sample/accounts.app.js';

/** The page of the accounts app, as one of its users sees it. */
export class AccountsPage {
  /** The data of every event that an EventSource of this page got. */
  readonly received: string[] = [];
  /** What the browser complained about. */
  readonly complaints: string[] = [];

  private constructor(
    readonly page: Page,
    readonly context: BrowserContext,
  ) {}

  static async open(
    browser: Browser,
    url: string,
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<AccountsPage> {
    return AccountsPage.in(await browser.newContext(options), url);
  }

  /** Another tab of the same browser profile. */
  static async in(context: BrowserContext, url: string): Promise<AccountsPage> {
    const page = await context.newPage();
    const opened = new AccountsPage(page, context);
    page.on('console', (message) => {
      if (message.type() === 'error') {
        opened.complaints.push(message.text());
      }
    });
    const devTools = await context.newCDPSession(page);
    devTools.on('Network.eventSourceMessageReceived', ({ data }) => {
      opened.received.push(data);
    });
    await devTools.send('Network.enable');
    await page.goto(url);
    return opened;
  }

  async signIn(name: Name, password = `${name}-demo`): Promise<void> {
    await this.page.getByLabel('Name').fill(name);
    await this.page.getByLabel('Password').fill(password);
    await this.button('Sign in').click();
  }

  text(text: string | RegExp) {
    return this.page.getByText(text);
  }

  button(name: string | RegExp) {
    return this.page.getByRole('button', { name, exact: true });
  }

  async isLive(): Promise<void> {
    await this.page.locator('.top .connection[data-phase="live"]').waitFor();
  }

  /** Waits for what the header says of the connection. */
  async state(text: string | RegExp): Promise<void> {
    await this.page.locator('.top .connection').getByText(text).waitFor();
  }

  async notify(to: string, text: string): Promise<void> {
    const recipient = this.page.getByLabel('To', { exact: true });
    await recipient.selectOption({ label: to });
    await this.page.getByLabel('Text', { exact: true }).fill(text);
    await this.button('Send').click();
    await this.text(`Sent to ${to.replace(' (you)', '')}.`).waitFor();
  }

  /** A notification or a note. */
  entry(text: string) {
    return this.page.locator('.entry').getByText(text, { exact: true });
  }

  get newsroom() {
    return this.page.getByRole('heading', { name: 'Newsroom' });
  }

  /** The admin's row of a person. */
  person(name: string) {
    return this.page.locator('.row').filter({
      has: this.page.locator('.person-name').getByText(name, { exact: true }),
    });
  }

  /** The admin's rows of the connections of a user. */
  connections(userId: Name) {
    return this.page.locator(`.row[data-user="${userId}"]`);
  }
}
