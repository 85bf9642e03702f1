/**
 * The producing half of a connection: walks the batches of each produce frame into the ring, keeps what must
 * wait, and gathers acks. This is the broker's hot path: per batch one view is made and nothing else.
 */
import { APPEND, type AppendSink, type TopicEntry, type UserPace } from '../engine/engine-thread.js';
import {
  BATCH,
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
import { PacedWindow } from './auth/paced-window.js';
import type { Principal } from './auth/principal.js';
import { PublishRights } from './auth/publish-rights.js';
import { ProduceCredit } from './produce-credit.js';
import { badBatchError, batchesFault, copyFrom, recordsIn } from './produce-frame.js';
import { ProduceLines } from './produce-lines.js';
import { ProducedTopics } from './produced-topics.js';
import { RecentTopics } from './recent-topics.js';
import { RefusedSequences } from './refused-sequences.js';
import type { SessionContext } from './session-context.js';
import type { WaitingBatches } from './waiting-batches.js';

/** Batches of one connection settled before the others of the thread have their turn. A frame of tiny ones has up to 33,000. */
const MAX_TAKEN_IN_TURN_COUNT = 512;

export class ProduceSession implements AppendSink {
  readonly hasTravelled: boolean;
  readonly #context: SessionContext;
  readonly #credit: ProduceCredit;
  readonly #topics: ProducedTopics;
  readonly #publishRights = new PublishRights();
  readonly #acks = new AckFrame();
  readonly #refusals = new RefusedSequences();
  readonly #onRoom = (): void => {
    this.#asksForRoom = false;
    this.#resume();
  };
  readonly #lines = new ProduceLines();
  #isTurnAsked = false;
  readonly #onTurn = (): void => this.#nextTurn();
  /** null: its user has no limit. */
  #paced: PacedWindow | null = null;
  #asksForRoom = false;
  #isCreditNew = false;
  #unacked = 0;
  /** Messages taken in. */
  messagesIn = 0;
  readonly #recent = new RecentTopics();

  constructor(context: SessionContext) {
    this.#context = context;
    this.hasTravelled = context.options.listener !== 'embedded';
    this.#topics = new ProducedTopics(context.engine);
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

  /** Bytes of batches that it may still send. */
  get creditLeft(): number {
    return Math.max(0, this.#credit.limit - this.#credit.received);
  }

  /** Names of topics that it has sent messages to, those that it came to last. */
  producedTopics(): Iterable<string> {
    return this.#recent.names();
  }

  onFrame(bytes: Uint8Array): void {
    if (this.#context.host.isStopping) {
      return;
    }
    if (!this.#credit.take(bytes.length, this.#unacked === 0 && this.#lines.isEmpty)) {
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
    this.#takeAll(bytes);
    if (this.#paced !== null) {
      this.#paced.spend(bytes.length, recordsIn(bytes));
    }
    this.renewCredit();
  }

  /**
   * It keeps to its user's limit, by when it gets credit; null: to none, from now on. `bytesPerSecond`: 0, no limit of bytes. `isFirst`: the client
   * was not told of its credit yet.
   */
  keepTo(pace: UserPace | null, bytesPerSecond: number, isFirst: boolean): void {
    this.#paced?.close();
    if (pace === null) {
      this.#paced = null;
      return;
    }
    this.#paced = new PacedWindow(pace, bytesPerSecond, this.#context.engine.meter, () => {
      this.renewCredit();
      this.#context.flushSoon();
    });
    if (isFirst) {
      this.#credit.limit = Math.min(this.#credit.limit, this.#paced.maxBytes);
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
    this.#topics.changed();
  }

  /**
   * Raises the limit if that is due. Not while batches wait for the log, nor while a window of them waits for
   * memory topics, nor while the client leaves what it was sent unread.
   */
  renewCredit(): void {
    const { host, socket, options } = this.#context;
    if (host.isStopping || !this.#context.isOpen) {
      return;
    }
    if (socket.bufferedBytes > options.maxBufferedBytes || this.#lines.isFull(host.produceWindowBytes)) {
      return;
    }
    const paced = this.#paced;
    if (paced?.isHeld === true) {
      return;
    }
    const windowBytes = host.produceWindowBytes;
    if (this.#credit.renew(paced === null ? windowBytes : Math.min(windowBytes, paced.maxBytes))) {
      this.#isCreditNew = true;
      this.#context.flushSoon();
    }
  }

  /**
   * Sends the acks gathered, or else the new limit alone. Not while its user has to wait, unless it is the last:
   * who has all acked may send a frame beyond its credit.
   */
  flush(isLast = false): void {
    const { socket } = this.#context;
    if (this.#paced?.isHeld === true && !isLast) {
      return;
    }
    if (this.#acks.count > 0) {
      this.#isCreditNew = false;
      socket.send(this.#acks.take(this.#credit.limit));
    } else if (this.#isCreditNew) {
      this.#isCreditNew = false;
      socket.send(makeFrame(OPCODE.credit, 0, { value: this.#credit.limit }));
    }
  }

  close(): void {
    this.#paced?.close();
    this.#lines.clear();
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
      this.flush(true);
    } else {
      this.#context.flushSoon();
    }
  }

  get #isAtWork(): boolean {
    return this.#context.isOpen && !this.#context.host.isStopping;
  }

  /** Takes the batches of a frame that was found whole, and keeps copies of those that must wait. */
  #takeAll(bytes: Uint8Array): void {
    let id = readUint32(bytes, FRAME.id);
    let copy: Uint8Array | null = null;
    let copiedFrom = 0;
    let taken = 0;
    const { forTurn } = this.#lines;
    for (let at = FRAME_HEADER_BYTES; at < bytes.length && this.#context.isOpen; ) {
      const length = readUint32(bytes, at);
      const waits = ++taken > MAX_TAKEN_IN_TURN_COUNT || !forTurn.isEmpty;
      const line = waits ? forTurn : this.#take(bytes, at, id);
      if (line !== null) {
        if (copy === null) {
          copy = copyFrom(bytes, at);
          copiedFrom = at;
        }
        line.push(copy, at - copiedFrom, id);
      }
      at += slotAligned(length);
      id = (id + 1) >>> 0;
    }
    if (!forTurn.isEmpty) {
      this.#askForTurn();
    }
  }

  /** Takes one batch. null: its outcome is known, or will be told; else where it has to wait. */
  #take(bytes: Uint8Array, at: number, id: number): WaitingBatches | null {
    const lines = this.#lines;
    if (!lines.unresolved.isEmpty) {
      return lines.unresolved;
    }
    const topicId = readUint32(bytes, at + BATCH.topicId);
    const topic = this.#topics.find(topicId);
    if (topic === undefined) {
      if (this.#topics.isMissing(topicId)) {
        this.#ack(id, ERRORS.TOPIC_NOT_FOUND.wire, 0, 0, 0, 0, 0);
        return null;
      }
      void this.#resolve(topicId);
      return lines.unresolved;
    }
    if (this.#context.principal !== null && !this.#mayPublish(topic, id, this.#context.principal)) {
      return null;
    }
    if (!topic.memory) {
      return lines.forLog.isEmpty && this.#settle(bytes, at, id, topic) ? null : lines.forLog;
    }
    const line = lines.forMemory.size > 0 ? lines.forMemory.get(topicId) : undefined;
    if (line !== undefined) {
      return line;
    }
    return this.#settle(bytes, at, id, topic) ? null : lines.addForMemory(topicId);
  }

  /** Says so if it may not; of a topic that it does not see, that there is none. */
  #mayPublish(topic: TopicEntry, id: number, principal: Principal): boolean {
    const right = this.#publishRights.of(topic, principal);
    if (right !== 0) {
      this.#ack(id, right, 0, 0, 0, 0, 0);
    }
    return right === 0;
  }

  /** Appends one batch, or says why not. False: there is no room; `#resume` will be called. */
  #settle(bytes: Uint8Array, at: number, id: number, topic: TopicEntry): boolean {
    const length = readUint32(bytes, at);
    const outcome = this.#append(bytes, at, length, id, topic);
    if (outcome === APPEND.full) {
      if (!this.#asksForRoom) {
        this.#asksForRoom = true;
        this.#context.engine.onRoom(this.#onRoom);
      }
      return false;
    }
    if (outcome !== APPEND.ok) {
      this.#refused(id, outcome, bytes.subarray(at, at + length));
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
      this.messagesIn += readUint32(bytes, at + BATCH.recordCount);
      if (topic !== this.#recent.last) {
        this.#recent.add(topic);
      }
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

  /** A malformed or damaged batch ends the connection; a topic, limit or disk that says no is told by an ack entry. */
  #refused(id: number, wire: number, batch: Uint8Array): void {
    const code = errorCodeOfWire(wire);
    if (code === 'BAD_BATCH' || code === 'BAD_CHECKSUM') {
      this.#context.failWith(badBatchError(code, id, batch));
    } else if (ERRORS[code].closes) {
      this.#context.fail(code);
    } else {
      this.#ack(id, wire, 0, 0, 0, 0, 0);
    }
  }

  async #resolve(topicId: number): Promise<void> {
    const context = this.#context;
    try {
      await this.#topics.resolve(topicId);
    } catch (error) {
      context.failWith(error);
    }
    this.#lines.resolved();
    this.#goOn();
  }

  /** A turn of the event loop has gone by, in which others had theirs. */
  #nextTurn(): void {
    this.#isTurnAsked = false;
    if (this.#context.isOpen) {
      this.#resume();
      this.#goOn();
    }
  }

  /** Takes as many of the batches that wait for their turn as one turn has. */
  #goOn(): void {
    const waiting = this.#lines.forTurn;
    for (let taken = 0; taken < MAX_TAKEN_IN_TURN_COUNT && !waiting.isEmpty && this.#isAtWork; taken++) {
      const { frame, at, id } = waiting;
      this.#take(frame, at, id)?.push(frame, at, id);
      waiting.drop();
    }
    if (!waiting.isEmpty) {
      this.#askForTurn();
    }
    this.renewCredit();
  }

  #askForTurn(): void {
    if (!this.#isTurnAsked) {
      this.#isTurnAsked = true;
      this.#context.host.inNextTurn(this.#onTurn);
    }
  }

  /** There is room, for some of what waits. */
  #resume(): void {
    const { forLog, forMemory } = this.#lines;
    this.#drain(forLog);
    for (const [topicId, line] of forMemory) {
      this.#drain(line);
      if (line.isEmpty) {
        forMemory.delete(topicId);
      }
    }
    this.renewCredit();
  }

  /** Goes on with what waits in one line, until all is done or there is no room for the next. */
  #drain(line: WaitingBatches): void {
    for (let taken = 0; !line.isEmpty && this.#isAtWork; taken++) {
      if (taken === MAX_TAKEN_IN_TURN_COUNT) {
        this.#askForTurn();
        return;
      }
      const { frame, at, id } = line;
      const topic = this.#topics.find(readUint32(frame, at + BATCH.topicId));
      if (topic === undefined) {
        // Deleted while the batch waited.
        this.#ack(id, ERRORS.TOPIC_NOT_FOUND.wire, 0, 0, 0, 0, 0);
      } else if (this.#context.principal !== null && !this.#mayPublish(topic, id, this.#context.principal)) {
        // Its rights were taken while the batch waited.
      } else if (!this.#settle(frame, at, id, topic)) {
        return;
      }
      line.drop();
    }
  }
}
