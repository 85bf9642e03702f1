/**
 * A producer's patience with a broker that refuses its batches: nothing is sent for a while, longer with each
 * refusal in a row, and the user is warned once of each reason.
 */
import { clearTimeout, setTimeout } from '../../time/index.js';
import { type ErrorCode, RingMQError } from '../../wire/index.js';
import type { BatchOwner } from './batch-owner.js';
import { describe } from './batch-problems.js';
import type { ProducerId } from './producer-ids.js';
import type { SendBatch } from './send-batch.js';

/** Waits between tries after a refusal that may pass, doubled each time. */
const RETRY_MIN_MS = 20;
const RETRY_MAX_MS = 1_000;

/** Who sends. */
export interface RefusedSender {
  /** Whom warnings go to. */
  readonly owner: BatchOwner;
  /** For how long a batch is sent again. */
  readonly timeoutMs: number;
  /** Something under way is not answered yet. */
  isBusy(): boolean;
  /** The wait is over. */
  goOn(): void;
}

export class Refusals {
  readonly #sender: RefusedSender;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #nextMs = RETRY_MIN_MS;
  /** The refusal that was warned of; the next warning comes after something was stored. */
  #warned: ErrorCode | null = null;
  /** The id that the broker had forgotten first since it stored something. */
  #forgottenId: ProducerId | null = null;

  constructor(sender: RefusedSender) {
    this.#sender = sender;
  }

  /** Nothing is to be sent. */
  get isWaiting(): boolean {
    return this.#timer !== undefined;
  }

  /** The broker asks for patience with this batch. */
  ofBatch(batch: SendBatch, code: ErrorCode): void {
    batch.refusal = new RingMQError(code, undefined, { details: describe(batch) });
    this.#sender.owner.onRefused(code);
    this.#warnOf(batch.refusal);
    this.#wait();
  }

  /** The broker does not know an id that batches were sent under; they go under another one. */
  ofId(id: ProducerId | null): void {
    if (this.#forgottenId === null) {
      this.#forgottenId = id;
    } else if (this.#forgottenId !== id) {
      // Nor does it know the id that was taken instead.
      this.#wait();
    }
  }

  #warnOf({ code, message, details }: RingMQError): void {
    if (this.#warned !== code) {
      this.#warned = code;
      const { owner, timeoutMs } = this.#sender;
      owner.onWarning(
        `the broker refuses batches (${code}: ${message}); they are sent again for up to ${timeoutMs} ms`,
        { code, ...details },
      );
    }
  }

  /** Ends when its time is over and all that is under way has been answered, so that order is kept as far as it can be. */
  #wait(): void {
    if (this.#timer !== undefined) {
      return;
    }
    const waitMs = this.#nextMs * (0.5 + 0.5 * Math.random());
    this.#nextMs = Math.min(RETRY_MAX_MS, this.#nextMs * 2);
    const end = () => {
      if (this.#sender.isBusy()) {
        this.#timer = setTimeout(end, RETRY_MIN_MS);
        return;
      }
      this.#timer = undefined;
      this.#sender.goOn();
    };
    this.#timer = setTimeout(end, waitMs);
  }

  stopWaiting(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** What was refused has left: what comes next need not wait as long. */
  onLeft(): void {
    this.stopWaiting();
    this.#nextMs = RETRY_MIN_MS;
  }

  /** Something was stored: the next wait is a short one, and the next refusal news. */
  onStored(): void {
    this.#nextMs = RETRY_MIN_MS;
    this.#warned = null;
    this.#forgottenId = null;
  }
}
