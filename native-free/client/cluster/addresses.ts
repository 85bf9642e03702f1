/** Links to whichever of several addresses answers. */
import { clearTimeout, setTimeout } from '../../time/index.js';
import { RingMQError } from '../../wire/index.js';
import { isLoopback } from '../../wire/loopback.js';
import { whenAborted } from '../abort.js';
import type { Link, LinkFactory } from '../link/link.js';
import { addressText, webSocketLinks } from '../link/websocket-link.js';
import { badArgument } from '../options.js';
import type { TlsOptions } from '../types.js';

/** Addresses in one list at most. */
const MAX_ADDRESSES = 64;
/** An address that does not answer holds up the next one for so long. */
const TRY_MS = 2_000;

export class Addresses {
  readonly #links: readonly LinkFactory[];
  /** To one of them at least what is sent passes in the clear, beyond this machine. */
  readonly isOverheard: boolean;
  /** The one that is tried first. */
  #at: number;

  /** `text`: addresses with commas between them. Throws `BAD_ARGUMENT` for what is none. */
  constructor(text: string | URL, tls: TlsOptions | undefined) {
    const urls = addressText(text)
      .split(',')
      .map((url) => url.trim());
    if (urls.length > MAX_ADDRESSES) {
      throw badArgument('url', `has ${urls.length} addresses, the limit is ${MAX_ADDRESSES}`, {
        limit: MAX_ADDRESSES,
        value: urls.length,
      });
    }
    this.#links = urls.map((url) => webSocketLinks(url, tls));
    this.isOverheard = urls.some((url) => /^ws:/i.test(url) && !isLoopback(new URL(url).hostname));
    // Each client begins with another one, or the first would have them all.
    this.#at = Math.floor(Math.random() * urls.length);
  }

  /** The one that was tried is of no use: the next one is first. */
  next(): void {
    this.#at = (this.#at + 1) % this.#links.length;
  }

  /** A link to the one that is first, else to the others in turn. */
  readonly open: LinkFactory = (signal) => {
    const [only] = this.#links;
    return this.#links.length === 1 && only !== undefined ? only(signal) : this.#openAny(signal);
  };

  async #openAny(signal: AbortSignal): Promise<Link> {
    let failure: unknown;
    for (let tries = 0; tries < this.#links.length; tries++) {
      try {
        return await openWithin(this.#links[this.#at] as LinkFactory, signal, TRY_MS);
      } catch (error) {
        if (signal.aborted) {
          throw error;
        }
        failure = error;
        this.next();
      }
    }
    throw failure;
  }
}

async function openWithin(factory: LinkFactory, signal: AbortSignal, timeoutMs: number): Promise<Link> {
  const stop = new AbortController();
  const unwatch = whenAborted(signal, () => stop.abort(signal.reason));
  const timer = setTimeout(() => stop.abort(new RingMQError('TIMEOUT', 'nobody answers')), timeoutMs);
  try {
    return await factory(stop.signal);
  } finally {
    clearTimeout(timer);
    unwatch();
  }
}
