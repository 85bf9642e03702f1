/** A link over a WebSocket. */
import { openWebSocket, type TlsOptions, trustOf } from '#client-platform';
import { RingMQError } from '../../wire/index.js';
import { badArgument, checkOptions, kindOf, type OptionNames } from '../options.js';
import type { LinkFactory } from './link.js';

const TLS_OPTIONS: OptionNames<TlsOptions> = { ca: true, cert: true, key: true, servername: true };

/**
 * Makes links to `url` (`ws:` or `wss:`; a path is kept). Throws `BAD_ARGUMENT` for what is no such address, and for certificates that
 * cannot be used.
 */
export function webSocketLinks(url: string | URL, tls?: TlsOptions): LinkFactory {
  const { protocol, href } = parseAddress(textOf(url));
  checkOptions('tls', tls, TLS_OPTIONS);
  if (tls !== undefined && protocol !== 'wss:') {
    throw badArgument('tls', 'is for wss:// addresses');
  }
  const trust = tls === undefined ? undefined : trustOf(tls);
  return (signal) => openWebSocket(href, signal, trust);
}

/** A URL of another realm or library will do, if it has an `href`. */
function textOf(url: string | URL): string {
  const text: unknown = typeof url === 'object' && url !== null ? url.href : url;
  if (typeof text !== 'string') {
    throw badArgument('url', `must be a string or a URL, not ${kindOf(url)}`);
  }
  return text;
}

function parseAddress(text: string): URL {
  const details = { option: 'url', url: text };
  if (URL.canParse(text)) {
    const parsed = new URL(text);
    if (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:') {
      throw new RingMQError('BAD_ARGUMENT', `a broker's address begins with ws:// or wss://: ${text}`, {
        details,
      });
    }
    if (parsed.username !== '' || parsed.password !== '') {
      throw badArgument('url', 'has a user or a password in it; this version has no authentication');
    }
    if (parsed.hash !== '') {
      throw new RingMQError('BAD_ARGUMENT', `a broker's address has no part after #: ${text}`, { details });
    }
    if (parsed.port === '0') {
      throw new RingMQError('BAD_ARGUMENT', `port 0 cannot be connected to: ${text}`, { details });
    }
    return parsed;
  }
  const port = /^wss?:\/\/[^/]*:(\d+)(?:[/?]|$)/.exec(text)?.[1];
  const what =
    port !== undefined && Number(port) > 65_535
      ? `port ${port} is over 65535`
      : 'not a ws:// or wss:// address';
  throw new RingMQError('BAD_ARGUMENT', `${what}: ${text}`, { details });
}
