/**
 * The producing half of a connection: walks the batches of each produce frame into the ring, keeps what must wait, and
 * gathers acks. This is the broker's hot path: per batch one view is made and nothing else.
 */
import { APPEND, type AppendSink, type TopicEntry } from '../engine/engine-thread.js';
import { describeProducedBatch } from '../native-free/batch/produced-batch.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  ERRORS,
  errorCodeOfWire,
  FRAME,
  FRAME_HEADER_BYTES,
  makeFrame,
  OPCODE,
  readUint32,
  slotAligned,
} from '../native-free/wire/index.js';
import { AckFrame } from './ack-frame.js';
import { ProduceCredit } from './produce-credit.js';
import { RefusedSequences } from './refused-sequences.js';
import type { SessionContext } from './session-context.js';

/** A frame (or what is left of one) that waits: a copy of its bytes, the place and number of its next batch. */
interface WaitingFrame {
  readonly bytes: Uint8Array;
  at: number;
  id: number;
}

export class ProduceSession implements AppendSink {
  readonly hasTravelled: boolean;
  readonly #context: SessionContext;
  readonly #credit: ProduceCredit;
  readonly #acks = new AckFrame();
  readonly #refusals = new RefusedSequences();
  readonly #onRoom = (): void => this.#resume();
  /** In order of arrival. Its bytes are bounded by the credit, which is not raised while anything is in it. */
  #waiting: WaitingFrame[] = [];
  #waitingHead = 0;
  #isCreditNew = false;
  #unacked = 0;
  #topic: TopicEntry | undefined;
  /** The last topic id that turned out not to exist, so that a stream of batches for it is not a stream of questions. */
  #missingTopicId = -1;
  /** Where `#appendFrom` stopped. */
  #stoppedAt = 0;
  #stoppedId = 0;

  constructor(context: SessionContext) {
    this.#context = context;
    this.hasTravelled = context.options.listener !== 'embedded';
    this.#credit = new ProduceCredit(context.host.produceWindowBytes);
  }

  /** The limit to name in `welcome`. */
  get creditLimit(): number {
    return this.#credit.limit;
  }

  /** Batches taken whose outcome is not known yet. */
  get unacked(): number {
    return this.#unacked;
  }

  onFrame(bytes: Uint8Array): void {
    if (this.#context.host.isStopping) {
      return;
    }
    const isWaiting = this.#waiting.length > 0;
    if (!this.#credit.take(bytes.length, !isWaiting && this.#unacked === 0)) {
      this.#context.fail('CREDIT_EXCEEDED', undefined, {
        limit: this.#credit.limit,
        value: this.#credit.received + bytes.length,
      });
      return;
    }
    const fault = batchesFault(bytes);
    if (fault !== null) {
      this.#context.fail('BAD_FRAME', `the produce frame cannot be understood: ${fault}`);
      return;
    }
    const id = readUint32(bytes, FRAME.id);
    if (isWaiting) {
      this.#waiting.push({ bytes: copyFrom(bytes, 0), at: FRAME_HEADER_BYTES, id });
    } else if (!this.#appendFrom(bytes, FRAME_HEADER_BYTES, id)) {
      const at = this.#stoppedAt;
      this.#waiting.push({ bytes: copyFrom(bytes, at), at: 0, id: this.#stoppedId });
    } else {
      this.renewCredit();
    }
  }

  /** From the engine, in its progress turn. */
  onAppended(
    id: number,
    status: number,
    durability: number,
    flags: number,
    baseOffset: number,
    position: number,
    storeTime: number,
  ): void {
    this.#unacked--;
    this.#ack(id, status, durability, flags, baseOffset, position, storeTime);
  }

  /** A topic came, went or changed: ask again about the one that was missing. */
  onTopicChanged(): void {
    this.#missingTopicId = -1;
  }

  /** Raises the limit if that is due. Not while batches wait, nor while the client leaves what it was sent unread. */
  renewCredit(): void {
    const { host, socket, options } = this.#context;
    if (host.isStopping || this.#waiting.length > 0 || socket.bufferedBytes > options.maxBufferedBytes) {
      return;
    }
    if (this.#credit.renew(host.produceWindowBytes)) {
      this.#isCreditNew = true;
      this.#context.flushSoon();
    }
  }

  /** Sends the acks gathered, or else the new limit alone. */
  flush(): void {
    const { socket } = this.#context;
    if (this.#acks.count > 0) {
      this.#isCreditNew = false;
      socket.send(this.#acks.take(this.#credit.limit));
    } else if (this.#isCreditNew) {
      this.#isCreditNew = false;
      socket.send(makeFrame(OPCODE.credit, 0, { value: this.#credit.limit }));
    }
  }

  close(): void {
    this.#waiting = [];
    this.#waitingHead = 0;
    this.#context.engine.dropSink(this);
  }

  #ack(
    id: number,
    status: number,
    durability: number,
    flags: number,
    baseOffset: number,
    position: number,
    storeTime: number,
  ): void {
    this.#acks.add(id, status, durability, flags, baseOffset, position, storeTime);
    if (this.#acks.isFull) {
      this.flush();
    } else {
      this.#context.flushSoon();
    }
  }

  /**
   * Appends the batches from `at` to the end. False: it stopped at `#stoppedAt` and `#resume` will be called. The frame was
   * found whole before.
   */
  #appendFrom(bytes: Uint8Array, from: number, firstId: number): boolean {
    const context = this.#context;
    let at = from;
    let id = firstId;
    while (at < bytes.length && context.isOpen) {
      const length = readUint32(bytes, at);
      const topicId = readUint32(bytes, at + BATCH.topicId);
      const topic = this.#lookUp(topicId);
      if (topic === undefined) {
        if (topicId !== this.#missingTopicId) {
          void this.#resolve(topicId);
          return this.#stop(at, id);
        }
        this.#ack(id, ERRORS.TOPIC_NOT_FOUND.wire, 0, 0, 0, 0, 0);
      } else {
        const outcome = this.#append(bytes, at, length, id, topic);
        if (outcome === APPEND.full) {
          context.engine.onRoom(this.#onRoom);
          return this.#stop(at, id);
        }
        if (outcome !== APPEND.ok) {
          this.#refused(id, outcome, bytes.subarray(at, at + length));
        }
      }
      at += slotAligned(length);
      id = (id + 1) >>> 0;
    }
    return true;
  }

  /** `APPEND.ok`, `APPEND.full`, or an error number. */
  #append(bytes: Uint8Array, at: number, length: number, id: number, topic: TopicEntry): number {
    // Memory topics are never refused for the disk's sake, and have no order with the others.
    const isChecked = !this.#refusals.isEmpty && !topic.memory;
    const kept = isChecked ? this.#refusals.check(bytes, at) : 0;
    if (kept !== 0) {
      return kept;
    }
    this.#unacked++;
    const outcome = this.#context.engine.append(this, id, bytes.subarray(at, at + length), topic);
    if (outcome === APPEND.ok) {
      if (isChecked) {
        this.#refusals.accepted(bytes, at);
      }
      return outcome;
    }
    this.#unacked--;
    if (outcome !== APPEND.full && ERRORS[errorCodeOfWire(outcome)].retryable) {
      this.#refusals.refused(bytes, at, outcome);
    }
    return outcome;
  }

  #stop(at: number, id: number): false {
    this.#stoppedAt = at;
    this.#stoppedId = id;
    return false;
  }

  /** A malformed or damaged batch ends the connection; a topic, limit or disk that says no is told by an ack entry. */
  #refused(id: number, wire: number, batch: Uint8Array): void {
    const code = errorCodeOfWire(wire);
    if (code === 'BAD_BATCH' || code === 'BAD_CHECKSUM') {
      const { message, details } = describeProducedBatch(batch);
      const sequence = `sequence ${details['sequence']}`;
      const what = code === 'BAD_BATCH' ? `: ${message}` : '';
      this.#context.fail(code, `${ERRORS[code].message}: batch ${id}, ${sequence}${what}`, {
        batch: id,
        ...details,
      });
    } else if (ERRORS[code].closes) {
      this.#context.fail(code);
    } else {
      this.#ack(id, wire, 0, 0, 0, 0, 0);
    }
  }

  #lookUp(topicId: number): TopicEntry | undefined {
    const last = this.#topic;
    if (last !== undefined && last.topicId === topicId && !last.dead) {
      return last;
    }
    const topic = this.#context.engine.topicById(topicId);
    if (topic !== undefined) {
      this.#topic = topic;
    }
    return topic;
  }

  async #resolve(topicId: number): Promise<void> {
    const context = this.#context;
    try {
      const topic = await context.engine.resolveTopicById(topicId);
      if (topic === undefined || topic.dead) {
        this.#missingTopicId = topicId;
      } else {
        this.#topic = topic;
      }
    } catch (error) {
      context.failWith(error);
    }
    if (context.isOpen) {
      this.#resume();
    }
  }

  /** Goes on with what waits, until all is done or something must wait again. */
  #resume(): void {
    while (this.#context.isOpen && !this.#context.host.isStopping) {
      const frame = this.#waiting[this.#waitingHead];
      if (frame === undefined) {
        break;
      }
      if (!this.#appendFrom(frame.bytes, frame.at, frame.id)) {
        frame.at = this.#stoppedAt;
        frame.id = this.#stoppedId;
        return;
      }
      this.#waitingHead++;
    }
    this.#waiting = [];
    this.#waitingHead = 0;
    if (this.#context.isOpen) {
      this.renewCredit();
    }
  }
}

/** Not `bytes.slice`: of a Buffer, which `ws` gives, that is no copy. */
function copyFrom(bytes: Uint8Array, from: number): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, from);
}

/**
 * What is wrong with the lengths of a produce frame's batches, or null. Looked at as a whole before the first one is
 * appended, so that of a truncated frame nothing is stored.
 */
export function batchesFault(bytes: Uint8Array): string | null {
  if (bytes.length === FRAME_HEADER_BYTES) {
    return 'it has no batch';
  }
  let at = FRAME_HEADER_BYTES;
  while (at < bytes.length) {
    const left = bytes.length - at;
    if (left < BATCH_HEADER_BYTES) {
      return `${left} bytes at ${at} are less than a batch header`;
    }
    const length = readUint32(bytes, at + BATCH.length);
    if (length < BATCH_HEADER_BYTES || length > left) {
      return `the batch at ${at} says ${length} bytes where ${left} are left`;
    }
    at += slotAligned(length);
  }
  return null;
}
