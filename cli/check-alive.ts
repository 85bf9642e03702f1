/**
 * `ringmq check alive` and `check ready`: what the port itself says, by plain HTTP and without a login. For
 * those that restart a broker or name server, or route to it: containers, Kubernetes, load balancers.
 */
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Command } from 'commander';
import { isRingMQError, RingMQError } from '../native-free/wire/index.js';
import { printJson, sharedOptions } from './output.js';
import { parseHostPort } from './units.js';

/** An answer is two words long. */
const MAX_ANSWER_CHARACTERS = 4_096;
/** What each page says with status 200. */
const HEALTHY = 'ok';
/** Where a broker listens that is told to listen everywhere. */
const EVERYWHERE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

export async function checkPort(command: Command, what: 'alive' | 'ready', timeoutMs: number): Promise<void> {
  const { output } = sharedOptions(command);
  for (const url of urlsOf(command)) {
    const page = pageOf(url, what === 'alive' ? '/healthz' : '/readyz');
    const says = await ask(page, timeoutMs);
    if (output === 'json') {
      printJson({ healthy: true, url, says });
    } else {
      process.stdout.write(`ok  ${url}: ${says}\n`);
    }
  }
}

/** Whoever names no broker asks the one that this environment would start: a container has RINGMQ_LISTEN for it. */
function urlsOf(command: Command): string[] {
  const { url } = sharedOptions(command);
  const listen = process.env['RINGMQ_LISTEN'] ?? '';
  const isDefault = command.parent?.parent?.getOptionValueSource('url') === 'default';
  const place = isDefault ? parseHostPort(listen) : null;
  if (place === null) {
    return url.split(',').map((each) => each.trim());
  }
  const host = EVERYWHERE[place.host] ?? place.host;
  const scheme = (process.env['RINGMQ_TLS_CERT'] ?? '') === '' ? 'ws' : 'wss';
  return [`${scheme}://${host.includes(':') ? `[${host}]` : host}:${place.port}`];
}

function pageOf(url: string, path: string): URL {
  const page = new URL(url);
  page.pathname = path;
  return page;
}

async function ask(page: URL, timeoutMs: number): Promise<string> {
  try {
    const { status, text } = await get(page, timeoutMs);
    if (status === 200 && text === HEALTHY) {
      return text;
    }
    if (status === 200) {
      throw failed(page, 'what answers there is no broker or name server of RingMQ');
    }
    throw failed(page, `it answered ${status}: ${text}`);
  } catch (error) {
    throw isRingMQError(error) ? error : failed(page, reasonOf(error as NodeJS.ErrnoException), error);
  }
}

/** What Node says of bytes that it did not expect helps nobody. */
function reasonOf({ code = '', message }: NodeJS.ErrnoException): string {
  if (code.startsWith('HPE_')) {
    return 'what answers there is no broker or name server of RingMQ';
  }
  if (code === 'EPROTO') {
    return 'what answers there speaks no TLS, as wss:// means';
  }
  return code === 'ECONNRESET' ? 'it closes the connection; is wss:// meant, or another port?' : message;
}

function failed(page: URL, why: string, cause?: unknown): RingMQError {
  const advice = why.includes('; ') ? '' : '; check the address (--url), or look at the log of what is there';
  return new RingMQError('CHECK_FAILED', `${page.host} is not well: ${why}${advice}`, {
    cause,
    details: { address: page.host },
  });
}

/** A secret is neither sent nor expected here, so whose certificate it is does not matter: names of other machines are on it. */
function get(page: URL, timeoutMs: number): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions & { rejectUnauthorized: boolean } = {
      ...{ host: page.hostname.replace(/^\[|\]$/g, ''), port: page.port, path: page.pathname },
      ...{ agent: false, signal: AbortSignal.timeout(timeoutMs), rejectUnauthorized: false },
    };
    const isSecure = page.protocol === 'wss:' || page.protocol === 'https:';
    const request = (isSecure ? httpsRequest : httpRequest)(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text = (text + piece).slice(0, MAX_ANSWER_CHARACTERS);
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: text.trim() }));
    });
    request.on('error', (error) => {
      reject(error.name === 'AbortError' ? new Error(`no answer within ${timeoutMs} ms`) : error);
    });
    request.end();
  });
}
