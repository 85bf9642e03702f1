import { ERRORS, type ErrorCode, type RingMQError } from '../../wire/index.js';
import type { Sent } from './frame-sender.js';
import type { SendLine } from './send-line.js';

/** Not retryable, and nothing that was sent is the reason. */
const OF_TIME: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['BROKER_CLOSED', 'TOKEN_EXPIRED']);

/** Over what a link ended. */
export interface Verdict {
  /** Over something that was sent. */
  readonly isOurFault: boolean;
  /** The batch that it was; null: none, nobody knows which, or it may be sent once more. */
  readonly batch: Sent | null;
  /** If a request is under way, it was that. */
  readonly isRequest: boolean;
}

/**
 * What a link may have ended over. When more than one thing was under way, so many more answers one thing at
 * a time is under way, until the one that ends the link is found.
 */
export class Suspects {
  /** 0: all may be under way. */
  #count = 0;

  /** Is everybody clear of it? */
  get areCleared(): boolean {
    return this.#count === 0;
  }

  /** A link has ended, with these batches and so many requests under way. */
  judge(reason: RingMQError, produce: SendLine, requestCount: number): Verdict {
    const isOurFault = !ERRORS[reason.code].retryable && !OF_TIME.has(reason.code);
    if (!isOurFault) {
      return { isOurFault, batch: null, isRequest: false };
    }
    const underWay = requestCount + produce.inFlightCount;
    // The broker names a batch that it ended the connection over; of other things what was alone under way is
    // known.
    const named = produce.inFlight(reason.details['batch']);
    const batch = named ?? (underWay === 1 ? produce.onlyInFlight() : null);
    this.#count = underWay > 1 && named === null ? underWay : 0;
    const isBlamed = batch !== null && !mayTryAgain(reason, batch);
    return { isOurFault, batch: isBlamed ? batch : null, isRequest: underWay === 1 && named === null };
  }

  /** So many things that were under way are answered: it was not over them. True: there were suspects. */
  clear(count: number): boolean {
    if (this.#count === 0) {
      return false;
    }
    this.#count = Math.max(0, this.#count - count);
    return true;
  }
}

/** It was damaged on its way: once more may be enough. Damaged again it is so from the start. */
function mayTryAgain(reason: RingMQError, { batch }: Sent): boolean {
  if (reason.code !== 'BAD_CHECKSUM' || batch.wasDamaged) {
    return false;
  }
  batch.wasDamaged = true;
  return true;
}
