/** Whether a certificate is valid today: clients refuse any other, and none of them says so to who runs the broker. */
import { X509Certificate } from 'node:crypto';

const DAY_MS = 86_400_000;
/** It is told of before its end: the last tenth of its time, and at most so long. */
const LAST_PART = 10;
const MAX_SOON_MS = 7 * DAY_MS;

export type CertificateAge = 'early' | 'valid' | 'soon' | 'expired';

export class CertificateDates {
  readonly #fromMs: number;
  readonly #toMs: number;

  /** Of the first in a chain. Throws for what is none. */
  constructor(pem: Uint8Array | string) {
    const { validFrom, validTo } = new X509Certificate(pem);
    this.#fromMs = Date.parse(validFrom);
    this.#toMs = Date.parse(validTo);
  }

  ageAt(timeMs: number): CertificateAge {
    if (timeMs < this.#fromMs) {
      return 'early';
    }
    if (timeMs > this.#toMs) {
      return 'expired';
    }
    const soonMs = Math.min(MAX_SOON_MS, (this.#toMs - this.#fromMs) / LAST_PART);
    return this.#toMs - timeMs < soonMs ? 'soon' : 'valid';
  }

  /** In words that follow its name; null: there is nothing to say. */
  troubleAt(timeMs: number): string | null {
    const [from, to] = [this.#fromMs, this.#toMs].map((ms) => new Date(ms).toISOString());
    switch (this.ageAt(timeMs)) {
      case 'early':
        return `is not valid before ${from}`;
      case 'expired':
        return `has expired at ${to}`;
      case 'soon':
        return `expires at ${to}`;
      case 'valid':
        return null;
    }
  }
}
