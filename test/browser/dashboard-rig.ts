/** A dashboard in a real browser, looked at as a person would: by what it says. */
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';

/** A page whose errors, and whatever its policy refuses, fail the test at its end. */
export class Viewer {
  readonly page: Page;
  readonly faults: string[] = [];

  static async open(
    browser: Browser,
    url: string,
    options: { theme?: 'light' | 'dark'; timezoneId?: string; width?: number } = {},
  ): Promise<Viewer> {
    const page = await browser.newPage({
      viewport: { width: options.width ?? 1280, height: 800 },
      colorScheme: options.theme ?? 'light',
      locale: 'en-US',
      timezoneId: options.timezoneId ?? 'UTC',
    });
    page.setDefaultTimeout(60_000);
    const viewer = new Viewer(page);
    await page.goto(url);
    return viewer;
  }

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.faults.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy|Refused to/.test(message.text())) {
        this.faults.push(message.text());
      }
    });
  }

  async logIn(user: string, password: string): Promise<void> {
    await this.page.getByLabel('User').fill(user);
    await this.page.getByLabel('Password').fill(password);
    await this.page.getByRole('button', { name: 'Log in' }).click();
  }

  /** By the side bar. */
  async go(name: string): Promise<void> {
    await this.page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
    await this.heading(name);
  }

  async heading(name: string): Promise<void> {
    await this.page.getByRole('heading', { name, level: 1, exact: true }).waitFor();
  }

  async sees(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor();
  }

  button(name: string) {
    return this.page.getByRole('button', { name, exact: true });
  }

  get dialog() {
    return this.page.getByRole('dialog');
  }

  async close(): Promise<void> {
    await this.page.close();
    expect(this.faults).toEqual([]);
  }
}
