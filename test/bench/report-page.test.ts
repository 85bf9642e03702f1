import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { renderHtml } from '../../bench/report/html.js';
import { readInputs } from '../../bench/report/inputs.js';
import { makeReport } from '../../bench/report/model.js';
import { launchChromium } from '../browser/chromium.js';
import { writeSample } from './sample-results.js';

let directory: string;
let browser: Browser;
let page: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ringmq-report-'));
  writeSample(directory);
  page = join(directory, 'report.html');
  writeFileSync(page, renderHtml(makeReport(readInputs([directory]))));
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  rmSync(directory, { recursive: true, force: true });
});

it.each(['light', 'dark'] as const)(
  'the page draws every plot from its file alone, %s',
  async (colorScheme) => {
    const tab = await browser.newPage({ colorScheme, viewport: { width: 1280, height: 900 } });
    const wrong: string[] = [];
    tab.on('console', (message) => wrong.push(message.text()));
    tab.on('pageerror', (error) => wrong.push(error.message));
    tab.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) {
        wrong.push(`it fetched ${request.url()}`);
      }
    });
    await tab.goto(pathToFileURL(page).href);
    const figures = await tab.locator('figure[data-plot]').count();
    expect(figures).toBeGreaterThan(6);
    expect(await tab.locator('figure[data-plot] canvas').count()).toBe(figures);
    // Nothing but wide tables, which scroll by themselves, is wider than the page.
    expect(await tab.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
    await tab.setViewportSize({ width: 400, height: 800 });
    // They are drawn anew in a frame to come.
    await tab.waitForFunction(() => document.documentElement.scrollWidth <= window.innerWidth);
    // Drawn anew when the scheme changes, and not beside the old ones.
    await tab.emulateMedia({ colorScheme: colorScheme === 'light' ? 'dark' : 'light' });
    await expect.poll(() => tab.locator('figure[data-plot] canvas').count()).toBe(figures);
    expect(wrong).toEqual([]);
    await tab.close();
  },
);
