import type { Browser, BrowserContext, Page } from 'playwright-core';

/** The page of the chat, as one of those in the room sees it. */
export class ChatPage {
  private constructor(
    readonly page: Page,
    readonly context: BrowserContext,
  ) {}

  /** In a browser profile of its own, so as a guest of its own. */
  static async open(
    browser: Browser,
    url: string,
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<ChatPage> {
    return ChatPage.in(await browser.newContext(options), url);
  }

  /** Another tab of the same browser profile. */
  static async in(context: BrowserContext, url: string): Promise<ChatPage> {
    const page = await context.newPage();
    await page.goto(url);
    return new ChatPage(page, context);
  }

  async isLive(): Promise<void> {
    await this.page.locator('.connection[data-phase="live"]').waitFor();
    await this.you.waitFor();
  }

  /** Waits for what the header says of the connection. */
  async state(text: string | RegExp): Promise<void> {
    await this.page.locator('.connection').getByText(text).waitFor();
  }

  text(text: string | RegExp) {
    return this.page.getByText(text);
  }

  button(name: string | RegExp) {
    return this.page.getByRole('button', { name });
  }

  /** Who is in the room. */
  person(name: string | RegExp) {
    return this.page.locator('.person').filter({ hasText: name });
  }

  get you() {
    return this.person(/you$/);
  }

  async name(): Promise<string> {
    return (await this.you.locator('.name').textContent())!;
  }

  get box() {
    return this.page.getByLabel('Message', { exact: true });
  }

  async say(text: string): Promise<void> {
    await this.box.fill(text);
    await this.box.press('Enter');
  }

  /** A message that the server has. */
  said(text: string) {
    return this.page.locator('.turn .bubble').filter({ hasText: text });
  }

  own(text: string) {
    return this.page.locator('.turn.own .bubble').filter({ hasText: text });
  }

  /** A message on its way, in whatever state. */
  unsent(text: string) {
    return this.page.locator('.unsent .message').filter({ hasText: text });
  }

  /** The texts of what the server has, the oldest first. */
  texts(): Promise<string[]> {
    return this.page
      .locator('.turn .bubble')
      .evaluateAll((bubbles) =>
        bubbles.map((bubble: any) => bubble.firstChild.textContent),
      );
  }
}
