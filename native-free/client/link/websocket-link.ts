/** A link over a WebSocket. */
import { openWebSocket, type TlsOptions, trustOf } from '#client-platform';
import { RingMQError } from '../../wire/index.js';
import { badArgument, kindOf, type OptionNames, takeOptions } from '../options.js';
import type { LinkFactory } from './link.js';

const TLS_OPTIONS: OptionNames<TlsOptions> = { ca: true, cert: true, key: true, servername: true };

/** Of all addresses together. */
const MAX_ADDRESS_LENGTH = 65_536;

/**
 * Makes links to `url` (`ws:` or `wss:`; a path is kept). Throws `BAD_ARGUMENT` for what is no such address,
 * and for certificates that cannot be used.
 */
export function webSocketLinks(url: string | URL, given?: TlsOptions): LinkFactory {
  const { protocol, href } = parseAddress(addressText(url));
  const tls = given === undefined ? undefined : takeOptions('tls', given, TLS_OPTIONS);
  if (tls !== undefined && protocol !== 'wss:') {
    throw badArgument('tls', 'is for wss:// addresses');
  }
  const trust = tls === undefined ? undefined : trustOf(tls);
  return (signal) => openWebSocket(href, signal, trust);
}

/** A URL of another realm or library will do, if it has an `href`. */
export function addressText(url: string | URL): string {
  let text: unknown;
  try {
    text = typeof url === 'object' && url !== null ? url.href : url;
  } catch {
    // A proxy that was revoked, say.
  }
  if (typeof text !== 'string') {
    throw badArgument('url', `must be a string or a URL, not ${kindOf(url)}`);
  }
  if (text.length > MAX_ADDRESS_LENGTH) {
    throw badArgument('url', `has ${text.length} characters, the limit is ${MAX_ADDRESS_LENGTH}`, {
      limit: MAX_ADDRESS_LENGTH,
      value: text.length,
    });
  }
  return text;
}

/** As far as a line has room for it. */
function shownAddress(text: string): string {
  return text.length > 256 ? `${text.slice(0, 255)}…` : text;
}

function parseAddress(text: string): URL {
  const details = { option: 'url', url: shownAddress(text) };
  if (URL.canParse(text)) {
    const parsed = new URL(text);
    if (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:') {
      throw new RingMQError(
        'BAD_ARGUMENT',
        `a broker's address begins with ws:// or wss://: ${shownAddress(text)}`,
        {
          details,
        },
      );
    }
    if (parsed.username !== '' || parsed.password !== '') {
      throw badArgument(
        'url',
        'has a user or a password in it, where everybody sees them; they are options: credentials',
      );
    }
    if (parsed.hash !== '') {
      throw new RingMQError('BAD_ARGUMENT', `a broker's address has no part after #: ${shownAddress(text)}`, {
        details,
      });
    }
    if (parsed.port === '0') {
      throw new RingMQError('BAD_ARGUMENT', `port 0 cannot be connected to: ${shownAddress(text)}`, {
        details,
      });
    }
    return parsed;
  }
  const port = /^wss?:\/\/[^/]*:(\d+)(?:[/?]|$)/.exec(text)?.[1];
  const what =
    port !== undefined && Number(port) > 65_535
      ? `port ${port} is over 65535`
      : 'not a ws:// or wss:// address';
  throw new RingMQError('BAD_ARGUMENT', `${what}: ${shownAddress(text)}`, { details });
}
