/** A real browser, and a page in it that holds the bundled client. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium, type Page as Tab } from 'playwright-core';
import { chromiumPath } from './find-chromium.js';

/** Where Chromium is. Throws what to install when there is none. */
function findChromium(): string {
  const path = chromiumPath();
  if (path === null) {
    throw new Error(
      'this test needs Chromium: apt-get install chromium-headless-shell, or put chromium on the PATH',
    );
  }
  return path;
}

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

/** `page.js` and `ringmq/client` in one script, as a web program would bundle them. */
export async function bundlePage(): Promise<string> {
  const result = await build({
    entryPoints: [fileURLToPath(new URL('./page.js', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    logLevel: 'silent',
  });
  return result.outputFiles[0]?.text ?? '';
}

/** Serves a page that runs `script`, on loopback. */
export class PageServer {
  readonly #server: Server;

  static async start(script: string): Promise<PageServer> {
    const server = createServer((request, response) => {
      const isScript = request.url === '/page.js';
      response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
      response.end(
        isScript ? script : '<!doctype html><title>ringmq</title><script src="/page.js"></script>',
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new PageServer(server);
  }

  private constructor(server: Server) {
    this.#server = server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Opens the page. What goes wrong in it is thrown here by the next call of `evaluate`. */
  async open(browser: Browser): Promise<Tab> {
    const tab = await browser.newPage();
    await tab.goto(this.origin);
    return tab;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
