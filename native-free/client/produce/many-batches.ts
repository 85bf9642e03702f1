/**
 * What befalls many closed batches of a producer at once, apart from the sending and the answer of each: the
 * link is lost, their time is over, they go to another broker, or all is over.
 *
 * The owner may come back to the producer while it is told of a batch (its user's `onError` runs then), so
 * each batch is out of the window, or abandoned, before the owner hears of it.
 */
import type { RingMQError } from '../../wire/index.js';
import type { BatchOwner } from './batch-owner.js';
import { type SendBatch, STAGE } from './send-batch.js';
import type { SendWindow } from './send-window.js';

/** The link is gone: all that is unacked must be sent again, except what nobody waits for any more. */
export function sendAllAgain(window: SendWindow, owner: BatchOwner): void {
  window.againCount = 0;
  for (const batch of window.inOrder()) {
    if (batch.stage === STAGE.abandoned) {
      window.remove(batch);
      owner.onReleased(batch);
    } else {
      batch.stage = STAGE.again;
      window.againCount++;
    }
  }
}

/**
 * Takes out what would be sent again and for which `mayGo` holds, in order, as if it had never been sent: as
 * far as another broker is concerned it was not.
 */
export function takeUnanswered(window: SendWindow, mayGo: (batch: SendBatch) => boolean): SendBatch[] {
  const taken = window.inOrder().filter((batch) => batch.stage === STAGE.again && mayGo(batch));
  for (const batch of taken) {
    window.takeOut(batch);
    batch.sendCount = 0;
    batch.mayBeStored = false;
    batch.refusal = null;
    batch.wasDamaged = false;
  }
  return taken;
}

/** Fails the batches whose time is over at `now`, each with what `errorOf` says. True: there were some. */
export function failLate(
  window: SendWindow,
  owner: BatchOwner,
  now: number,
  errorOf: (batch: SendBatch) => RingMQError,
): boolean {
  const late = window.takeWaiting((batch) => batch.deadline <= now);
  for (const batch of late) {
    owner.onFailedBatch(batch, errorOf(batch), true);
  }
  let isAny = late.length > 0;
  for (const batch of window.inOrder()) {
    if (batch.deadline > now || batch.stage === STAGE.abandoned) {
      continue;
    }
    isAny = true;
    const isSent = batch.stage === STAGE.sent;
    if (isSent) {
      batch.stage = STAGE.abandoned;
    } else {
      window.againCount--;
      window.remove(batch);
    }
    owner.onFailedBatch(batch, errorOf(batch), !isSent);
  }
  return isAny;
}

/** Nothing is sent or answered any more: all that is not settled fails with `error`. */
export function failAll(window: SendWindow, owner: BatchOwner, error: RingMQError): void {
  for (const batch of window.takeWaiting(() => true)) {
    owner.onFailedBatch(batch, error, true);
  }
  for (const batch of window.inOrder()) {
    window.remove(batch);
    if (batch.stage === STAGE.abandoned) {
      continue;
    }
    // The link may still read the buffer of one that was sent.
    const isSent = batch.stage === STAGE.sent;
    batch.stage = STAGE.abandoned;
    owner.onFailedBatch(batch, error, !isSent);
  }
  window.againCount = 0;
}
