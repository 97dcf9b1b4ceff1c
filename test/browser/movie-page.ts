import type { Browser, BrowserContext, Page } from 'playwright-core';

/** The page of the movie-events app, as a visitor sees it. */
export class MoviePage {
  private constructor(
    readonly page: Page,
    readonly context: BrowserContext,
  ) {}

  static async open(
    browser: Browser,
    url: string,
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<MoviePage> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    await page.goto(url);
    return new MoviePage(page, context);
  }

  movie(title: string) {
    return this.page.getByRole('heading', { name: title, exact: true });
  }

  /** The titles shown, the newest first. */
  titles(): Promise<string[]> {
    return this.page.locator('.movie h3').allTextContents();
  }

  text(text: string | RegExp) {
    return this.page.getByText(text);
  }

  button(name: string) {
    return this.page.getByRole('button', { name, exact: true });
  }

  field(label: string) {
    return this.page.locator('.add-movie').getByLabel(label);
  }

  async isLive(): Promise<void> {
    await this.page.locator('.connection[data-phase="live"]').waitFor();
  }

  async fill({
    title,
    year,
    genre,
  }: {
    title: string;
    year: number;
    genre: string;
  }) {
    await this.field('Title').fill(title);
    await this.field('Year').fill(String(year));
    await this.field('Genre').selectOption(genre);
  }
}
