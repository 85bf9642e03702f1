/**
 * Messages that have begun and not ended, of all connections of a listener: what they hold is bounded for
 * each and for all, and so is the time they take. Bytes are counted as they come, before they are a message.
 */
import { clearInterval, monotonicMs, setInterval } from '../time/index.js';

/** One connection, as this counts it. */
export interface PartialOwner {
  partialBytes: number;
  partialSince: number;
  /** What has come and waits to be read. */
  waitingBytes: number;
  /** What it may have. */
  readonly maxPartialBytes: number;
  /** It has too much, or for too long: it is to be ended. */
  tooMuch(what: string): void;
}

export class PartialMessages {
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  readonly #owners = new Set<PartialOwner>();
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;

  constructor(options: { maxPartialBytes: number; messageTimeoutMs: number }) {
    this.#maxBytes = options.maxPartialBytes;
    this.#timeoutMs = options.messageTimeoutMs;
    this.#timer = setInterval(() => this.#expire(), Math.max(10, Math.min(1_000, this.#timeoutMs / 4)));
    this.#timer.unref();
  }

  /** Of all connections together. */
  get bytes(): number {
    return this.#bytes;
  }

  received(owner: PartialOwner, bytes: number): void {
    if (owner.partialBytes === 0) {
      owner.partialSince = monotonicMs();
      this.#owners.add(owner);
    }
    owner.partialBytes += bytes;
    this.#bytes += bytes;
    if (owner.partialBytes > owner.maxPartialBytes) {
      owner.tooMuch('a message that does not end');
    } else {
      this.#checkAll();
    }
  }

  /** What waits to be read has become so many bytes more, or fewer. */
  waits(owner: PartialOwner, bytes: number): void {
    owner.waitingBytes += bytes;
    this.#bytes += bytes;
    if (bytes > 0) {
      this.#owners.add(owner);
      this.#checkAll();
    } else {
      this.#forgetEmpty(owner);
    }
  }

  /** So many of them were a frame of its own, and no part of a message. */
  passed(owner: PartialOwner, bytes: number): void {
    const passed = Math.min(bytes, owner.partialBytes);
    owner.partialBytes -= passed;
    this.#bytes -= passed;
    this.#forgetEmpty(owner);
  }

  /** A message has ended, or the connection has. */
  ended(owner: PartialOwner): void {
    this.#bytes -= owner.partialBytes;
    owner.partialBytes = 0;
    this.#forgetEmpty(owner);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #checkAll(): void {
    if (this.#bytes > this.#maxBytes) {
      this.#largest()?.tooMuch('messages that do not end, all connections together');
    }
  }

  #forgetEmpty(owner: PartialOwner): void {
    if (owner.partialBytes === 0 && owner.waitingBytes === 0) {
      this.#owners.delete(owner);
    }
  }

  #largest(): PartialOwner | undefined {
    let largest: PartialOwner | undefined;
    let most = 0;
    for (const owner of this.#owners) {
      const bytes = owner.partialBytes + owner.waitingBytes;
      if (bytes > most) {
        most = bytes;
        largest = owner;
      }
    }
    return largest;
  }

  #expire(): void {
    const limit = monotonicMs() - this.#timeoutMs;
    for (const owner of [...this.#owners]) {
      if (owner.partialBytes > 0 && owner.partialSince < limit) {
        owner.tooMuch(`a message that has not ended within ${this.#timeoutMs} ms`);
      }
    }
  }
}
