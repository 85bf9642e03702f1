/**
 * Sends a producer's closed batches in order, again when they must be, and settles each exactly once.
 *
 * Order: batches leave in the order of their sequences; after a lost connection all unacked ones leave again, oldest first, the same
 * bytes under the same sequences, so the broker tells which it has. When the broker asks for patience (a full disk), nothing new leaves
 * until everything under way is answered; then the refused ones go first.
 */

import { RECORDS_AT } from '../../batch/batch-builder.js';
import { clearTimeout, monotonicMs, setTimeout } from '../../time/index.js';
import {
  BATCH_ATTRIBUTE,
  ERRORS,
  type ErrorCode,
  errorCodeOfWire,
  isRingMQError,
  RingMQError,
  type TopicInfo,
} from '../../wire/index.js';
import type { AckEntry, FrameSender, Origin, SendLine } from '../link/send-line.js';
import type { ProducerId } from './producer-ids.js';
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
  /** Looks the topics up as they are now, and gives them to {@link BatchDispatcher.readdress}. */
  onOtherOpening(topics: ReadonlySet<string>): void;
  /** Something that is tried again, worth a line in a log. */
  onWarning(message: string, details: Record<string, unknown>): void;
}

export class BatchDispatcher implements FrameSender {
  readonly #line: SendLine;
  readonly #owner: BatchOwner;
  readonly #window: SendWindow;
  readonly #timeoutMs: number;
  /** Under what the broker knows batches that are sent again; null while there are none. */
  #id: ProducerId | null = null;
  /** The broker does not know the id any more: what it refused goes under another one, once all that is under way is answered. */
  #isForgotten = false;
  /** What the topic numbers of batches were learnt from. */
  #origin: Origin;
  /** The link is to another opening: nothing is sent before it is known what the topics' numbers are there. */
  #isHeld = false;
  /** Batches in the window that must be sent again. */
  #againCount = 0;
  /** Batches with the broker, on this link. */
  #sentCount = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #retryMs = RETRY_MIN_MS;
  #expiryTimer: ReturnType<typeof setTimeout> | undefined;
  /** The refusal that was warned of; the next warning comes after something was stored. */
  #warned: ErrorCode | null = null;

  constructor(line: SendLine, owner: BatchOwner, maxInFlight: number, timeoutMs: number) {
    this.#line = line;
    this.#owner = owner;
    this.#window = new SendWindow(maxInFlight);
    this.#timeoutMs = timeoutMs;
    this.#origin = line.origin;
    line.add(this);
  }

  /** Nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return this.#window.isEmpty;
  }

  /** Takes a closed batch. */
  add(batch: SendBatch): void {
    if (this.#window.isEmpty) {
      this.#line.wake(this);
    }
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
    if (this.#retryTimer !== undefined || !this.#line.isOpen || this.#isHeld) {
      return;
    }
    if (this.#isForgotten && !this.#takeOtherId()) {
      return;
    }
    while (this.#againCount > 0) {
      const batch = this.#window.firstAgain();
      if (batch === undefined || !this.#line.maySend(batch.builder.at, this)) {
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
      if (batch === undefined || !this.#line.maySend(batch.builder.at, this)) {
        return;
      }
      const id = this.#id ?? this.#takeId(false);
      this.#window.admit();
      batch.builder.address(batch, id, batch.sequence);
      this.#send(batch);
      // On a link of function calls the answer may have come within the call.
      if (this.#retryTimer !== undefined || this.#againCount > 0) {
        return;
      }
    }
  }

  #takeId(isFresh: boolean): ProducerId {
    const id = this.#line.ids.take(isFresh);
    this.#id = id;
    this.#window.startAt(id.nextSequence);
    return id;
  }

  #send(batch: SendBatch): void {
    batch.stage = STAGE.sent;
    batch.builder.markSentBefore(batch.sendCount > 0);
    batch.sendCount++;
    this.#sentCount++;
    this.#line.send(batch, this);
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
      this.#warned = null;
      this.#owner.onStored(batch, entry);
      return;
    }
    const code = errorCodeOfWire(entry.status);
    const isRefused = ERRORS[code].retryable;
    // Sent once only, under an id that the broker has forgotten meanwhile: it cannot be there.
    const isForgotten = code === 'SEQUENCE_UNKNOWN' && batch.sendCount === 1;
    if ((isRefused || isForgotten) && monotonicMs() < batch.deadline) {
      // It was answered: whatever was sent of it is not stored.
      batch.sendCount = 0;
      batch.stage = STAGE.again;
      this.#againCount++;
      if (isForgotten) {
        this.#isForgotten = true;
      } else {
        batch.refusal = new RingMQError(code, undefined, { details: this.#describe(batch) });
        this.#warnOf(batch.refusal);
        this.#retryLater();
      }
      return;
    }
    this.#window.remove(batch);
    this.#owner.onFailedBatch(batch, this.#refusalOf(batch, code), true);
  }

  #refusalOf(batch: SendBatch, code: ErrorCode): RingMQError {
    const message =
      code === 'SEQUENCE_UNKNOWN'
        ? 'the batch was sent before its connection was lost, and the broker does not remember whether it stored it; it may be there'
        : undefined;
    if (code === 'SEQUENCE_UNKNOWN' || code === 'PRODUCER_FENCED') {
      // Nobody else is to inherit such an id.
      this.#isForgotten = true;
    }
    return new RingMQError(code, message, { details: this.#describe(batch) });
  }

  /** False: not before all that is under way is answered. */
  #takeOtherId(): boolean {
    if (this.#sentCount > 0) {
      return false;
    }
    this.#isForgotten = false;
    this.#againCount = 0;
    this.#window.requeue();
    this.#takeId(true);
    return true;
  }

  /** All is settled: others may have the id, and nobody needs to hold this sender. */
  #rest(): void {
    this.#line.rest(this);
    const id = this.#id;
    this.#id = null;
    if (id !== null && !this.#isForgotten) {
      id.nextSequence = this.#window.nextSequence;
      this.#line.ids.give(id);
    }
    this.#isForgotten = false;
  }

  onAcksEnd(): void {
    if (this.#isForgotten) {
      this.pump();
    }
    if (this.#window.isEmpty) {
      this.#rest();
    }
    this.#owner.onProgress();
  }

  onConnected(): void {
    const { origin } = this.#line;
    const isOther = origin.brokerId !== this.#origin.brokerId || origin.opening !== this.#origin.opening;
    this.#isHeld ||= isOther;
    this.#owner.onConnected();
    if (!this.#isHeld) {
      return;
    }
    const topics = new Set<string>();
    for (const batch of this.#unsettled()) {
      topics.add(batch.topic);
    }
    if (topics.size === 0) {
      this.#isHeld = false;
      this.#origin = origin;
    } else {
      this.#owner.onOtherOpening(topics);
    }
  }

  /**
   * Topics as they are where the link goes now. Batches go to the topic of the same name; an error is what becomes of those that were for
   * a topic. To another broker everything goes under an id it does not know.
   */
  readdress(topics: ReadonlyMap<string, TopicInfo | RingMQError>): void {
    const { origin } = this.#line;
    const isOtherBroker = origin.brokerId !== this.#origin.brokerId;
    for (const batch of this.#unsettled()) {
      const info = topics.get(batch.topic);
      const problem = isRingMQError(info) ? info : addressProblem(batch, info, isOtherBroker);
      if (problem === null) {
        batch.topicId = (info as TopicInfo).topicId;
        batch.memory = (info as TopicInfo).memory;
      } else {
        this.#takeOut(batch);
        this.#owner.onFailedBatch(batch, problem, true);
      }
    }
    this.#origin = origin;
    this.#isHeld = false;
    if (isOtherBroker) {
      this.#isForgotten = true;
    }
    this.pump();
    if (this.#window.isEmpty) {
      this.#rest();
    }
    this.#owner.onProgress();
  }

  #unsettled(): SendBatch[] {
    return [...this.#window.inOrder(), ...this.#window.waiting()].filter(
      (batch) => batch.stage !== STAGE.abandoned,
    );
  }

  /** Out of the window or the queue. It is not with the broker. */
  #takeOut(batch: SendBatch): void {
    if (batch.stage === STAGE.again) {
      this.#againCount--;
      this.#window.remove(batch);
    } else {
      this.#window.takeWaiting((waiting) => waiting === batch);
    }
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
    if (this.#window.isEmpty) {
      this.#rest();
    }
  }

  onBlamed(batch: SendBatch, error: RingMQError): void {
    if (batch.stage !== STAGE.again) {
      return;
    }
    this.#takeOut(batch);
    this.#owner.onFailedBatch(batch, error, true);
    if (this.#window.isEmpty) {
      this.#rest();
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

  #warnOf(refusal: RingMQError): void {
    if (this.#warned !== refusal.code) {
      this.#warned = refusal.code;
      this.#owner.onWarning(
        `the broker refuses batches (${refusal.code}: ${refusal.message}); they are sent again for up to ${this.#timeoutMs} ms`,
        { code: refusal.code, ...refusal.details },
      );
    }
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
    this.#line.remove(this);
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
    this.#rest();
  }

  /** Holds everything back for a while. Goes on when all that is under way has been answered, so that order is kept as far as it can be. */
  #retryLater(): void {
    if (this.#retryTimer !== undefined) {
      return;
    }
    const waitMs = this.#retryMs * (0.5 + 0.5 * Math.random());
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
    const goOn = () => {
      if (this.#sentCount > 0 && this.#line.isOpen) {
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
      if (this.#window.isEmpty) {
        this.#rest();
      }
      this.#owner.onProgress();
      this.pump();
    }
  }

  #timeoutOf(batch: SendBatch): RingMQError {
    const { refusal } = batch;
    const details = this.#describe(batch);
    if (refusal !== null) {
      const message = `${refusal.message}; still so after ${this.#timeoutMs} ms`;
      return new RingMQError(refusal.code, message, { cause: refusal, details });
    }
    const { trouble } = this.#line;
    const why = trouble === null ? '' : `; there is no connection: ${trouble.message}`;
    return new RingMQError('TIMEOUT', `no ack within ${this.#timeoutMs} ms${why}`, {
      ...(trouble === null ? {} : { cause: trouble }),
      details,
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

/** What keeps a batch from going to the topic as it is now; null: nothing. */
function addressProblem(
  batch: SendBatch,
  info: TopicInfo | undefined,
  isOtherBroker: boolean,
): RingMQError | null {
  const details = { topic: batch.topic, queueId: batch.queueId };
  if (info === undefined) {
    return new RingMQError('TOPIC_NOT_FOUND', undefined, { details });
  }
  if (info.topicId === batch.topicId && !isOtherBroker) {
    return null;
  }
  if (!isOtherBroker && batch.sendCount > 0) {
    return new RingMQError(
      'TOPIC_NOT_FOUND',
      `${batch.topic} was deleted and made again while the batch was under way; the old one may have had it`,
      { details },
    );
  }
  if (batch.queueId >= info.queues) {
    return new RingMQError('QUEUE_NOT_FOUND', `${batch.topic} has ${info.queues} queues there`, {
      details: { ...details, limit: info.queues, value: batch.queueId },
    });
  }
  if (info.memory && batch.attributes !== 0) {
    return new RingMQError(
      'NOT_SUPPORTED',
      `${batch.topic} is a memory topic there, it has no disk to flush to`,
      {
        details,
      },
    );
  }
  return null;
}

/** The policy asked for; undefined: the broker's own. */
function askedFlush(attributes: number): 'sync' | 'async' | undefined {
  if ((attributes & BATCH_ATTRIBUTE.syncFlush) !== 0) {
    return 'sync';
  }
  return (attributes & BATCH_ATTRIBUTE.asyncFlush) !== 0 ? 'async' : undefined;
}
