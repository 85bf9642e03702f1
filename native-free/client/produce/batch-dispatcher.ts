/**
 * Sends a producer's closed batches in order, again when they must be, and settles each exactly once.
 *
 * Order: batches leave in the order of their sequences; after a lost connection all unacked ones leave again, oldest first, the same
 * bytes under the same sequences, so the broker tells which it has. When the broker asks for patience (a full disk), nothing new leaves
 * until everything under way is answered; then the refused ones go first.
 */

import { RECORDS_AT } from '../../batch/batch-builder.js';
import { clearTimeout, monotonicMs, setTimeout } from '../../time/index.js';
import { BATCH_ATTRIBUTE, ERRORS, errorCodeOfWire, RingMQError } from '../../wire/index.js';
import type { AckEntry, FrameSender, ProduceLane } from '../link/send-line.js';
import { type SendBatch, STAGE } from './send-batch.js';
import { SendWindow } from './send-window.js';

/** Waits between tries after a refusal that may pass, doubled each time. */
const RETRY_MIN_MS = 20;
const RETRY_MAX_MS = 1_000;

/** Who is told what became of batches. */
export interface BatchOwner {
  /** Stored. The entry is valid during the call. The batch's buffer may be reused after it. */
  onStored(batch: SendBatch, entry: AckEntry): void;
  /** Not stored, or nobody knows. `mayReuse`: the buffer is free. */
  onFailedBatch(batch: SendBatch, error: RingMQError, mayReuse: boolean): void;
  /** A batch that had failed before its answer came: its buffer is free now. */
  onReleased(batch: SendBatch): void;
  /** After a run of settled batches. */
  onProgress(): void;
  onConnected(): void;
  onConnectionFailed(error: RingMQError): void;
  onTopicChanged(topic: string): void;
}

export class BatchDispatcher implements FrameSender {
  readonly #lane: ProduceLane;
  readonly #owner: BatchOwner;
  readonly #window: SendWindow;
  readonly #timeoutMs: number;
  readonly #producer: { idLow: number; idHigh: number; epoch: number };
  /** Batches in the window that must be sent again. */
  #againCount = 0;
  /** Batches with the broker, on this link. */
  #sentCount = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #retryMs = RETRY_MIN_MS;
  #expiryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(lane: ProduceLane, owner: BatchOwner, maxInFlight: number, timeoutMs: number) {
    this.#lane = lane;
    this.#owner = owner;
    this.#window = new SendWindow(maxInFlight);
    this.#timeoutMs = timeoutMs;
    // 0 would mean a producer the broker does not check.
    const id = crypto.getRandomValues(new Uint32Array(2));
    this.#producer = { idLow: (id[0] as number) || 1, idHigh: id[1] as number, epoch: 0 };
    lane.add(this);
  }

  /** Nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return this.#window.isEmpty;
  }

  /** Takes a closed batch. */
  add(batch: SendBatch): void {
    batch.stage = STAGE.queued;
    batch.deadline = monotonicMs() + this.#timeoutMs;
    this.#window.add(batch);
    this.pump();
    // It may be one of very many small ones that wait.
    if (batch.stage === STAGE.queued && batch.builder.at * 2 < batch.builder.capacity) {
      batch.builder.shrink();
    }
    if (this.#expiryTimer === undefined && !this.#window.isEmpty) {
      this.#watchExpiry();
    }
  }

  pump(): void {
    if (this.#retryTimer !== undefined || !this.#lane.isOpen) {
      return;
    }
    while (this.#againCount > 0) {
      const batch = this.#window.firstAgain();
      if (batch === undefined || !this.#lane.maySend(batch.builder.at, this)) {
        return;
      }
      this.#againCount--;
      this.#send(batch);
      if (this.#retryTimer !== undefined) {
        return;
      }
    }
    for (;;) {
      const batch = this.#window.nextQueued();
      if (batch === undefined || !this.#lane.maySend(batch.builder.at, this)) {
        return;
      }
      this.#window.admit();
      batch.builder.address(batch, this.#producer, batch.sequence);
      this.#send(batch);
      // On a link of function calls the answer may have come within the call.
      if (this.#retryTimer !== undefined || this.#againCount > 0) {
        return;
      }
    }
  }

  #send(batch: SendBatch): void {
    batch.stage = STAGE.sent;
    this.#sentCount++;
    this.#lane.send(batch, this);
  }

  onAck(batch: SendBatch, entry: AckEntry): void {
    this.#sentCount--;
    if (batch.stage === STAGE.abandoned) {
      this.#window.remove(batch);
      this.#owner.onReleased(batch);
      return;
    }
    if (entry.status === 0) {
      this.#window.remove(batch);
      this.#retryMs = RETRY_MIN_MS;
      this.#owner.onStored(batch, entry);
      return;
    }
    const code = errorCodeOfWire(entry.status);
    const error = new RingMQError(code, undefined, { details: this.#describe(batch) });
    if (ERRORS[code].retryable && monotonicMs() < batch.deadline) {
      batch.stage = STAGE.again;
      batch.refusal = error;
      this.#againCount++;
      this.#retryLater();
      return;
    }
    this.#window.remove(batch);
    this.#owner.onFailedBatch(batch, error, true);
  }

  onAcksEnd(): void {
    this.#owner.onProgress();
  }

  onConnected(): void {
    this.#owner.onConnected();
  }

  onLost(): void {
    this.#sentCount = 0;
    this.#againCount = 0;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    for (const batch of this.#window.inOrder()) {
      if (batch.stage === STAGE.abandoned) {
        this.#window.remove(batch);
        this.#owner.onReleased(batch);
      } else {
        batch.stage = STAGE.again;
        this.#againCount++;
      }
    }
  }

  onPoisoned(error: RingMQError): void {
    this.#againCount = 0;
    for (const batch of this.#window.inOrder()) {
      this.#window.remove(batch);
      this.#owner.onFailedBatch(batch, error, true);
    }
    this.#owner.onProgress();
  }

  onFailed(error: RingMQError): void {
    this.#failAll(error);
    this.#owner.onConnectionFailed(error);
  }

  onTopicChanged(topic: string): void {
    this.#owner.onTopicChanged(topic);
  }

  /** Lowest running number of a message that is not settled; Infinity if all are. */
  lowestNumber(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const batch of this.#window.inOrder()) {
      if (batch.stage !== STAGE.abandoned) {
        lowest = Math.min(lowest, batch.firstNumber);
      }
    }
    for (const batch of this.#window.waiting()) {
      lowest = Math.min(lowest, batch.firstNumber);
    }
    return lowest;
  }

  /** Stops. What is not settled fails with `error`. */
  close(error: RingMQError): void {
    this.#failAll(error);
    this.#lane.remove(this);
  }

  #failAll(error: RingMQError): void {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#expiryTimer);
    this.#expiryTimer = undefined;
    for (const batch of this.#window.takeWaiting(() => true)) {
      this.#owner.onFailedBatch(batch, error, true);
    }
    for (const batch of this.#window.inOrder()) {
      this.#window.remove(batch);
      if (batch.stage === STAGE.abandoned) {
        continue;
      }
      // The link may still read the buffer of one that was sent.
      const isSent = batch.stage === STAGE.sent;
      batch.stage = STAGE.abandoned;
      this.#owner.onFailedBatch(batch, error, !isSent);
    }
    this.#againCount = 0;
  }

  /** Holds everything back for a while. Goes on when all that is under way has been answered, so that order is kept as far as it can be. */
  #retryLater(): void {
    if (this.#retryTimer !== undefined) {
      return;
    }
    const waitMs = this.#retryMs * (0.5 + 0.5 * Math.random());
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
    const goOn = () => {
      if (this.#sentCount > 0 && this.#lane.isOpen) {
        this.#retryTimer = setTimeout(goOn, RETRY_MIN_MS);
        return;
      }
      this.#retryTimer = undefined;
      this.pump();
    };
    this.#retryTimer = setTimeout(goOn, waitMs);
  }

  #watchExpiry(): void {
    const stepMs = Math.min(1_000, Math.max(5, this.#timeoutMs / 8));
    this.#expiryTimer = setTimeout(() => {
      this.#expiryTimer = undefined;
      this.#expire();
      if (!this.#window.isEmpty) {
        this.#watchExpiry();
      }
    }, stepMs);
  }

  #expire(): void {
    const now = monotonicMs();
    const late = this.#window.takeWaiting((batch) => batch.deadline <= now);
    for (const batch of late) {
      this.#owner.onFailedBatch(batch, this.#timeoutOf(batch), true);
    }
    let any = late.length > 0;
    for (const batch of this.#window.inOrder()) {
      if (batch.deadline > now || batch.stage === STAGE.abandoned) {
        continue;
      }
      any = true;
      const isSent = batch.stage === STAGE.sent;
      if (isSent) {
        batch.stage = STAGE.abandoned;
      } else {
        this.#againCount--;
        this.#window.remove(batch);
      }
      this.#owner.onFailedBatch(batch, this.#timeoutOf(batch), !isSent);
    }
    if (any) {
      this.#owner.onProgress();
      this.pump();
    }
  }

  #timeoutOf(batch: SendBatch): RingMQError {
    if (batch.refusal !== null) {
      return batch.refusal;
    }
    return new RingMQError('TIMEOUT', `no ack within ${this.#timeoutMs} ms`, {
      details: this.#describe(batch),
    });
  }

  #describe(batch: SendBatch): Record<string, unknown> {
    return {
      topic: batch.topic,
      queueId: batch.queueId,
      messages: batch.builder.count,
      bytes: batch.builder.at - RECORDS_AT,
      flush: askedFlush(batch.attributes),
    };
  }
}

/** The policy asked for; undefined: the broker's own. */
function askedFlush(attributes: number): 'sync' | 'async' | undefined {
  if ((attributes & BATCH_ATTRIBUTE.syncFlush) !== 0) {
    return 'sync';
  }
  return (attributes & BATCH_ATTRIBUTE.asyncFlush) !== 0 ? 'async' : undefined;
}
