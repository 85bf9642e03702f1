/** Web origins as browsers send them: scheme and host in lower case, no default port, nothing after it. */
import { RingMQError } from '../native-free/wire/index.js';
import { isLoopback } from '../native-free/wire/loopback.js';

/** Of an origin that is not one, so much is said. */
const MAX_TOLD_CHARACTERS = 200;

/**
 * What a browser sends for the origin that somebody wrote: `HTTPS://App.Example.com:443/` is
 * `https://app.example.com`. Throws BAD_CONFIG for what no browser ever sends, because it would never let
 * anybody in.
 */
export function originAsSent(written: string): string {
  const text = written.trim();
  if (text === '*' || text === 'null') {
    return text;
  }
  if (!/^[a-z][a-z\d+.-]*:\/\//i.test(text)) {
    throw refused(written, `write it with its scheme, like https://${text.split('/')[0] || 'shop.example'}`);
  }
  if (text.includes('*')) {
    throw refused(written, 'name each host; only a * alone stands for any');
  }
  if (text.toLowerCase().startsWith('file:')) {
    throw refused(written, 'pages from files send the origin null: write null');
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw refused(written, 'write scheme, host and port, like https://shop.example:8443');
  }
  if (url.host === '') {
    throw refused(written, 'it has no host');
  }
  if (url.username !== '' || url.password !== '') {
    throw refused(written, 'leave out user and password');
  }
  if ((url.pathname !== '' && url.pathname !== '/') || url.search !== '' || url.hash !== '') {
    throw refused(written, `an origin ends with its host and port: write ${url.protocol}//${url.host}`);
  }
  // Of other schemes than the web's own, `URL.origin` says null and hosts keep their case; browsers send them
  // in lower case.
  return `${url.protocol}//${url.host.toLowerCase()}`;
}

/** Ways to write this machine, which are origins of their own. */
const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'];

/** Of pages that name servers serve: their dashboard connects to every broker of the cluster. */
export function originsOf(nameServers: readonly string[]): string[] {
  return nameServers.flatMap((address) => {
    const { protocol, hostname, port } = new URL(address);
    const scheme = protocol === 'wss:' ? 'https:' : 'http:';
    const names = isLoopback(hostname) ? new Set([hostname, ...LOOPBACK_NAMES]) : [hostname];
    return [...names].map((name) => new URL(`${scheme}//${name}${port === '' ? '' : `:${port}`}`).origin);
  });
}

function refused(written: string, how: string): RingMQError {
  const told = written.length > MAX_TOLD_CHARACTERS ? `${written.slice(0, MAX_TOLD_CHARACTERS)}…` : written;
  return new RingMQError('BAD_CONFIG', `allowedOrigins: no browser sends the origin '${told}'; ${how}`, {
    details: { origin: told },
  });
}
