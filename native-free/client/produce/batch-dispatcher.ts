/**
 * Sends a producer's closed batches in order, again when they must be, and settles each exactly once.
 *
 * Order: batches leave in the order of their sequences; after a lost connection all unacked ones leave again,
 * oldest first, the same bytes under the same sequences, so the broker tells which it has. When the broker
 * asks for patience (a full disk), nothing new leaves until everything under way is answered; then the
 * refused ones go first. What the broker may have under an id is never sent to it under another.
 */

import { monotonicMs } from '../../time/index.js';
import {
  ERRORS,
  type ErrorCode,
  errorCodeOfWire,
  type RingMQError,
  type TopicInfo,
} from '../../wire/index.js';
import type { AckEntry, FrameSender } from '../link/frame-sender.js';
import type { SendLine } from '../link/send-line.js';
import { BatchAddresses } from './batch-addresses.js';
import type { BatchOwner } from './batch-owner.js';
import { refusalOf, timeoutOf } from './batch-problems.js';
import { ExpiryWatch } from './expiry-watch.js';
import { failAll, failLate, sendAllAgain, takeUnanswered } from './many-batches.js';
import type { IdSource, ProducerId } from './producer-ids.js';
import { Refusals } from './refusals.js';
import { type SendBatch, STAGE } from './send-batch.js';
import { SendWindow } from './send-window.js';

export class BatchDispatcher implements FrameSender {
  ackRound = 0;
  readonly #line: SendLine;
  readonly #owner: BatchOwner;
  readonly #ids: IdSource;
  readonly #window: SendWindow;
  readonly #timeoutMs: number;
  /** Under what the broker knows batches that are sent again; null while there are none. */
  #id: ProducerId | null = null;
  /** The broker does not know the id any more: what it refused goes under another one, once all that is under way is answered. */
  #isForgotten = false;
  readonly #addresses: BatchAddresses;
  /** The link is to another opening: nothing is sent before it is known what the topics' numbers are there. */
  #isHeld = false;
  /** Batches with the broker, on this link. */
  #sentCount = 0;
  readonly #refusals: Refusals;
  readonly #expiry: ExpiryWatch;
  /** The line holds it. */
  #isAwake = false;

  /** `ids`: null: those of the line. */
  constructor(
    line: SendLine,
    owner: BatchOwner,
    maxInFlight: number,
    timeoutMs: number,
    ids: IdSource | null = null,
  ) {
    this.#line = line;
    this.#ids = ids ?? line.ids;
    this.#owner = owner;
    this.#window = new SendWindow(maxInFlight);
    this.#timeoutMs = timeoutMs;
    this.#addresses = new BatchAddresses(line, this.#window, owner);
    this.#refusals = new Refusals({
      owner,
      timeoutMs,
      isBusy: () => this.#sentCount > 0 && line.isOpen,
      goOn: () => this.pump(),
    });
    this.#expiry = new ExpiryWatch(timeoutMs, () => {
      this.#expire();
      if (this.#window.isEmpty) {
        this.#sleep();
      }
      return !this.#window.isEmpty;
    });
    line.add(this);
  }

  /** Nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return this.#window.isEmpty;
  }

  /** Takes a closed batch. */
  add(batch: SendBatch): void {
    if (!this.#isAwake) {
      this.#isAwake = true;
      this.#line.wake(this);
    }
    batch.stage = STAGE.queued;
    if (batch.deadline === 0) {
      batch.deadline = monotonicMs() + this.#timeoutMs;
    }
    this.#window.add(batch);
    this.pump();
    // It may be one of very many small ones that wait.
    if (batch.stage === STAGE.queued && batch.builder.at * 2 < batch.builder.capacity) {
      batch.builder.shrink();
    }
    // While it looks it holds this sender anyhow: one that sends again soon is not let go in between.
    if (!this.#window.isEmpty) {
      this.#expiry.start();
    } else if (!this.#expiry.isOn) {
      this.#sleep();
    }
  }

  pump(): void {
    if (this.#refusals.isWaiting || !this.#line.isOpen || this.#isHeld) {
      return;
    }
    if (!this.#sendAgain() || (this.#isForgotten && !this.#takeOtherId())) {
      return;
    }
    const window = this.#window;
    for (;;) {
      const batch = window.nextQueued();
      if (batch === undefined || !this.#line.maySend(batch.builder.at, this)) {
        return;
      }
      const id = this.#id ?? this.#takeId(false);
      window.admit();
      batch.builder.address(batch, id, batch.sequence);
      this.#send(batch);
      // On a link of function calls the answer may have come within the call.
      if (this.#refusals.isWaiting || window.againCount > 0) {
        return;
      }
    }
  }

  /** True: all that must be sent again has been; under an id that is given up, all that the broker may have. */
  #sendAgain(): boolean {
    const window = this.#window;
    while (window.againCount > 0) {
      const batch = window.firstAgain(this.#isForgotten);
      if (batch === undefined) {
        break;
      }
      if (!this.#line.maySend(batch.builder.at, this)) {
        return false;
      }
      window.againCount--;
      this.#send(batch);
      if (this.#refusals.isWaiting) {
        return false;
      }
    }
    return true;
  }

  #takeId(isFresh: boolean): ProducerId {
    const id = this.#ids.take(isFresh);
    this.#id = id;
    this.#window.startAt(id.nextSequence);
    return id;
  }

  #send(batch: SendBatch): void {
    batch.stage = STAGE.sent;
    // Under an id that somebody else has chosen it may have been sent by another producer, which nobody remembers.
    batch.builder.markSentBefore(batch.sendCount > 0 || !this.#ids.hasOthers);
    batch.sendCount++;
    this.#sentCount++;
    this.#line.send(batch, this);
  }

  onAck(batch: SendBatch, entry: AckEntry): void {
    this.#sentCount--;
    if (batch.stage === STAGE.abandoned) {
      this.#window.remove(batch);
      if (entry.status === 0) {
        this.#owner.onTaken(batch);
      }
      this.#owner.onReleased(batch);
      return;
    }
    if (entry.status === 0) {
      this.#window.remove(batch);
      this.#refusals.onStored();
      this.#owner.onTaken(batch);
      this.#owner.onStored(batch, entry);
      return;
    }
    const code = errorCodeOfWire(entry.status);
    const isRefused = ERRORS[code].retryable;
    // Sent once only, under an id that the broker has forgotten meanwhile: it cannot be there.
    const isForgotten = code === 'SEQUENCE_UNKNOWN' && batch.sendCount === 1 && this.#ids.hasOthers;
    if ((isRefused || isForgotten) && monotonicMs() < batch.deadline) {
      if (batch.sendCount === 1) {
        // What was refused is not stored. Of one that was sent before, only the broker can tell, by its
        // sequence.
        batch.sendCount = 0;
      }
      batch.stage = STAGE.again;
      this.#window.againCount++;
      if (isForgotten) {
        this.#isForgotten = true;
        this.#refusals.ofId(this.#id);
      } else {
        this.#refusals.ofBatch(batch, code);
      }
      return;
    }
    this.#window.remove(batch);
    this.#owner.onFailedBatch(batch, this.#refused(batch, code), true);
  }

  #refused(batch: SendBatch, code: ErrorCode): RingMQError {
    if (code === 'SEQUENCE_UNKNOWN' || code === 'PRODUCER_FENCED') {
      // Nobody else is to inherit such an id.
      this.#isForgotten = true;
    }
    return refusalOf(batch, code);
  }

  /** False: not before all that is under way is answered. */
  #takeOtherId(): boolean {
    if (this.#sentCount > 0) {
      return false;
    }
    this.#isForgotten = false;
    this.#window.requeue();
    this.#takeId(true);
    return true;
  }

  /** Nobody needs to hold this sender. */
  #sleep(): void {
    this.#isAwake = false;
    this.#line.rest(this);
  }

  /** All is settled: others may have the id. */
  #rest(): void {
    this.#line.leaveTurn(this);
    const id = this.#id;
    this.#id = null;
    if (id !== null && !this.#isForgotten) {
      id.nextSequence = this.#window.nextSequence;
      this.#ids.give(id);
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
    this.#isHeld ||= this.#addresses.areOld;
    this.#owner.onConnected();
    if (this.#isHeld && !this.#addresses.lookUp()) {
      this.#isHeld = false;
    }
  }

  /**
   * Topics as they are where the link goes now. Batches go to the topic of the same name; an error is what
   * becomes of those that were for a topic. To another broker everything goes under an id it does not know.
   */
  readdress(topics: ReadonlyMap<string, TopicInfo | RingMQError>): void {
    const isOtherBroker = this.#addresses.renew(topics);
    this.#isHeld = false;
    if (isOtherBroker) {
      this.#takeOtherId();
    }
    this.pump();
    if (this.#window.isEmpty) {
      this.#rest();
    }
    this.#owner.onProgress();
  }

  onLost(): void {
    this.#sentCount = 0;
    this.#refusals.stopWaiting();
    sendAllAgain(this.#window, this.#owner);
    if (this.#window.isEmpty) {
      this.#rest();
    } else {
      this.#owner.onLost();
    }
  }

  /**
   * Takes out batches for which `mayGo` holds, in their order, as if they had never been given: those that
   * wait, and without a link those that were under way, which the broker may have all the same. Nothing of
   * them is told to the owner.
   */
  takeBack(mayGo: (batch: SendBatch) => boolean): SendBatch[] {
    const refused = takeUnanswered(this.#window, mayGo);
    const waiting = this.#window.takeWaiting(mayGo);
    if (this.#window.isEmpty) {
      this.#refusals.onLeft();
      // Under the same id the broker would refuse it, to keep the order: it waits for what it has refused.
      this.#isForgotten ||= refused.length > 0 && this.#line.isOpen;
      this.#rest();
    }
    return [...refused, ...waiting];
  }

  onBlamed(batch: SendBatch, error: RingMQError): void {
    if (batch.stage !== STAGE.again) {
      return;
    }
    this.#window.takeOut(batch);
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

  /** Lowest running number of a message that is not settled; Infinity if all are. */
  lowestNumber(): number {
    return this.#window.lowestNumber();
  }

  /** Stops. What is not settled fails with `error`. */
  close(error: RingMQError): void {
    this.#failAll(error);
    this.#line.remove(this);
  }

  #failAll(error: RingMQError): void {
    this.#refusals.stopWaiting();
    this.#expiry.stop();
    failAll(this.#window, this.#owner, error);
    this.#rest();
    this.#sleep();
  }

  #expire(): void {
    const isAny = failLate(this.#window, this.#owner, monotonicMs(), (batch) =>
      timeoutOf(batch, this.#timeoutMs, this.#line.trouble),
    );
    if (isAny) {
      if (this.#window.isEmpty) {
        this.#rest();
      }
      this.#owner.onProgress();
      this.pump();
    }
  }
}
