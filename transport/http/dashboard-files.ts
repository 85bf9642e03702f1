/** The dashboard's page as it was built: read once, compressed before, and the same for everybody. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { HttpAnswer } from '../../native-free/listener/types.js';

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
};
/** Their names change with what is in them. */
const FOR_EVER = 'public, max-age=31536000, immutable';

interface DashboardFile {
  readonly contentType: string;
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly plain: Uint8Array;
  readonly gzip: Uint8Array | null;
  readonly brotli: Uint8Array | null;
}

export interface DashboardPageOptions {
  /** `socket`: the page connects to whoever served it. `host`: it calls the handler that did. */
  readonly backend: 'socket' | 'host';
  /** Whether whoever looks has to log in, so that nobody is refused only to find out; `unknown`: others decide that. */
  readonly login: 'needed' | 'not needed' | 'unknown';
  /** Whom else it may connect to, as sources of a content security policy. */
  readonly connect: string;
}

export class DashboardFiles {
  readonly #files: ReadonlyMap<string, DashboardFile>;

  private constructor(files: ReadonlyMap<string, DashboardFile>) {
    this.#files = files;
  }

  /** null: this build of the package has no dashboard, or not all of it. */
  static read(options: DashboardPageOptions): DashboardFiles | null {
    try {
      return DashboardFiles.#read(options);
    } catch {
      return null;
    }
  }

  static #read(options: DashboardPageOptions): DashboardFiles | null {
    const dir = fileURLToPath(new URL('../../native-free/dashboard', import.meta.url));
    if (!existsSync(`${dir}/index.html`)) {
      return null;
    }
    const files = new Map<string, DashboardFile>();
    const built = readFileSync(`${dir}/index.html`, 'utf8');
    for (const [, name = ''] of built.matchAll(/"\.\/assets\/([\w.-]+)"/g)) {
      const contentType = TYPES[name.slice(name.lastIndexOf('.') + 1)];
      if (contentType !== undefined) {
        files.set(`/assets/${name}`, {
          ...file(readFileSync(`${dir}/assets/${name}`), contentType, FOR_EVER, {}),
          gzip: readFileSync(`${dir}/assets/${name}.gz`),
          brotli: readFileSync(`${dir}/assets/${name}.br`),
        });
      }
    }
    const html = built
      .replace('name="ringmq-backend" content="socket"', `name="ringmq-backend" content="${options.backend}"`)
      .replace('name="ringmq-login" content="unknown"', `name="ringmq-login" content="${options.login}"`);
    files.set('/', file(Buffer.from(html), 'text/html; charset=utf-8', 'no-cache', pageHeaders(options)));
    return new DashboardFiles(files);
  }

  /** null: no file of the dashboard. `headers`: of the request, by names in lower case. */
  answer(path: string, headers: Readonly<Record<string, string | undefined>>): HttpAnswer | null {
    const found = this.#files.get(path);
    if (found === undefined) {
      return null;
    }
    if (headers['if-none-match'] === found.etag) {
      return { status: 304, body: '', contentType: found.contentType, headers: found.headers };
    }
    const { contentType } = found;
    const accepted = headers['accept-encoding'] ?? '';
    if (found.brotli !== null && /\bbr\b/.test(accepted)) {
      return encoded(found, found.brotli, 'br');
    }
    if (found.gzip !== null && /\bgzip\b/.test(accepted)) {
      return encoded(found, found.gzip, 'gzip');
    }
    return { status: 200, body: found.plain, contentType, headers: found.headers };
  }
}

function encoded({ contentType, headers }: DashboardFile, body: Uint8Array, encoding: string): HttpAnswer {
  return { status: 200, body, contentType, headers: { ...headers, 'Content-Encoding': encoding } };
}

function file(
  plain: Uint8Array,
  contentType: string,
  caching: string,
  more: Record<string, string>,
): DashboardFile {
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
  const headers = { 'Cache-Control': caching, ETag: etag, Vary: 'Accept-Encoding', ...more };
  return { contentType, etag, headers, plain, gzip: null, brotli: null };
}

/** Nothing runs in the page but its own script, and no page of others has it in a frame. */
function pageHeaders({ connect }: DashboardPageOptions): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    'img-src data:',
    `connect-src ${connect}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'Content-Security-Policy': policy.join('; '),
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'X-Frame-Options': 'DENY',
  };
}
