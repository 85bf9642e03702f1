/**
 * An engine of one thread that keeps batches in arrays, with handles on everything a session must cope with:
 * no room, topics that must be asked for, acks that come when the test says so, damage.
 */
import { checkBatch } from '../../engine/batch/check.js';
import {
  APPEND,
  type AppendSink,
  type ClusterPlace,
  type EngineInfo,
  type EngineThread,
  type MemberSink,
  type QueueReader,
  READ,
  type ThreadMeter,
  type TopicEntry,
} from '../../engine/engine-thread.js';
import {
  BATCH,
  type ControlMethod,
  DURABILITY,
  ERRORS,
  MAX_BATCH_BYTES,
  RingMQError,
  readUint32,
  slotAligned,
  writeUint64,
} from '../../native-free/wire/index.js';
import { encodeControl } from '../../transport/control-payload.js';

interface Stored {
  baseOffset: number;
  count: number;
  bytes: Uint8Array;
}

class FakeQueue {
  readonly batches: Stored[] = [];
  nextOffset = 0;
  minOffset = 0;
  damage = '';
  /** Offset at which the damage ends. */
  damageEnd = Number.POSITIVE_INFINITY;
  watchers: (() => void)[] = [];
}

/** Batches that one read passes over at most, as the broker's own reader has a bound. */
export const FAKE_PASSED_BATCHES = 256;

class FakeReader implements QueueReader {
  offset: number;
  neededBytes = 0;
  damage = '';
  damagePosition = -1;
  bytes = 0;
  costBytes = 0;
  isClosed = false;
  isOld = false;
  readonly #queue: FakeQueue;
  readonly #topic: TopicEntry;

  constructor(queue: FakeQueue, topic: TopicEntry, offset: number) {
    this.#queue = queue;
    this.#topic = topic;
    this.offset = offset;
  }

  recent(): null {
    return null;
  }

  read(target: Uint8Array, at: number, maxBytes: number, low: number, high: number): number {
    if (this.isClosed) {
      throw new Error('read after close');
    }
    if (at + maxBytes > target.length) {
      throw new Error('read past the end of the buffer');
    }
    this.bytes = 0;
    this.costBytes = 0;
    let passed = 0;
    if (this.#topic.dead) {
      return READ.dead;
    }
    const queue = this.#queue;
    if (queue.damage !== '' && this.offset < queue.damageEnd) {
      this.damagePosition = 4096;
      this.damage = queue.damage;
      return READ.damaged;
    }
    if (this.offset < queue.minOffset) {
      this.offset = queue.minOffset;
      return READ.skipped;
    }
    let end = 0;
    for (const { baseOffset, count, bytes } of queue.batches) {
      if (baseOffset + count <= this.offset) {
        continue;
      }
      if (passed >= FAKE_PASSED_BATCHES) {
        this.bytes = end;
        return READ.some;
      }
      const isWanted =
        (low === -1 && high === -1) ||
        (readUint32(bytes, BATCH.tagBloom) & low) !== 0 ||
        (readUint32(bytes, BATCH.tagBloom + 4) & high) !== 0;
      if (isWanted) {
        const from = slotAligned(end);
        if (from + bytes.length > maxBytes) {
          this.neededBytes = bytes.length;
          this.bytes = end;
          return end === 0 ? READ.tooSmall : READ.some;
        }
        target.set(bytes, at + from);
        end = from + bytes.length;
        this.costBytes += slotAligned(bytes.length);
      } else {
        passed++;
        this.costBytes += 1024;
      }
      this.offset = baseOffset + count;
    }
    this.bytes = end;
    return end > 0 ? READ.some : READ.none;
  }

  examine(): boolean {
    return false;
  }

  skipDamage(): void {
    this.offset = Math.max(this.offset, Math.min(this.#queue.damageEnd, this.#queue.nextOffset));
  }

  watch(onReadable: (reader: QueueReader) => void): void {
    this.#queue.watchers.push(() => {
      if (!this.isClosed) {
        onReadable(this);
      }
    });
  }

  close(): void {
    this.isClosed = true;
  }
}

export class FakeEngine implements EngineThread {
  /** No slave is let in. */
  readonly replicas = {
    mayRead: false,
    holders: () => Promise.resolve([]),
    prove: () => Promise.resolve(null),
    greet: () => Promise.reject(new Error('there are no slaves here')),
    takeOver: () => Promise.reject(new Error('there are no slaves here')),
    feed: () => {
      throw new Error('there are no slaves here');
    },
  };
  /** There are no users. */
  readonly access = {
    version: 0,
    challenge: () => Promise.reject(new Error('there are no users here')),
    login: () => Promise.reject(new Error('there are no users here')),
    verifyToken: () => Promise.reject(new Error('there are no users here')),
    certified: () => Promise.reject(new Error('there are no users here')),
    principal: () => Promise.resolve(null),
    audit: () => {},
    pace: (): never => {
      throw new Error('there are no users here');
    },
  };
  readonly info: EngineInfo = {
    brokerId: '00112233445566aa',
    openingId: '5e0c3b7a91d2f468',
    brokerName: 'fake',
    flush: 'sync',
    maxBatchBytes: MAX_BATCH_BYTES,
  };
  place: ClusterPlace = {
    role: 'master',
    cluster: 'default',
    brokerSet: 'fake',
    epoch: 2,
    master: null,
  };
  readonly meter: ThreadMeter = {
    messagesOut: 0,
    connections: 0,
    connectionsOpened: 0,
    httpRequests: 0,
    httpFailures: 0,
    connectionsRefused: 0,
    pacedWaits: 0,
    requests: 0,
    begin: () => 0,
    end: () => undefined,
    publish: () => undefined,
  };
  /** Topics this thread has met, and those it could ask for. */
  readonly met = new Map<number, TopicEntry>();
  readonly askable = new Map<number, TopicEntry>();
  readonly asked: number[] = [];
  /** Batches that fit before `append` says full. */
  room = Number.POSITIVE_INFINITY;
  /** Topics for which `append` says full, whatever room there is. */
  readonly fullTopics = new Set<number>();
  appended = 0;
  /** An error number that `append` answers; 0: none. */
  refusal = 0;
  readonly members = new Map<string, MemberSink>();
  readonly calls: { method: string; params: Record<string, unknown>; key: string | undefined }[] = [];
  /** What `call` answers; a test replaces it. */
  answer: (method: string, params: Record<string, unknown>) => unknown = () => ({});
  readonly readers: FakeReader[] = [];
  readonly #queues = new Map<string, FakeQueue>();
  readonly #topicListeners = new Set<(topic: string, topicId: number) => void>();
  #results: (() => void)[] = [];
  #roomWaiters: (() => void)[] = [];
  readonly #dropped = new Set<AppendSink>();

  addTopic(topicId: number, queues: number, where: Map<number, TopicEntry> = this.met): TopicEntry {
    const slots = new Int32Array(queues);
    const topic = { topicId, topic: `topic-${topicId}`, queues, memory: false, slots, dead: false };
    where.set(topicId, topic);
    return topic;
  }

  queue(topicId: number, queueId: number): FakeQueue {
    const key = `${topicId}/${queueId}`;
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = new FakeQueue();
      this.#queues.set(key, queue);
    }
    return queue;
  }

  /** Stores a batch as if another connection had sent it. */
  store(bytes: Uint8Array): Stored {
    const queue = this.queue(readUint32(bytes, BATCH.topicId), readUint32(bytes, BATCH.queueId));
    const copy = Uint8Array.prototype.slice.call(bytes);
    const count = readUint32(copy, BATCH.recordCount);
    writeUint64(copy, BATCH.baseOffset, queue.nextOffset);
    const stored = { baseOffset: queue.nextOffset, count, bytes: copy };
    queue.batches.push(stored);
    queue.nextOffset += count;
    return stored;
  }

  /** The engine's progress turn: acks, then readers, then those who wait for room. */
  progress(): void {
    for (const result of this.#results.splice(0)) {
      result();
    }
    for (const queue of this.#queues.values()) {
      for (const tell of queue.watchers.splice(0)) {
        tell();
      }
    }
  }

  giveRoom(batches: number): void {
    this.room += batches;
    for (const waiter of this.#roomWaiters.splice(0)) {
      waiter();
    }
  }

  changeTopic(topic: TopicEntry): void {
    topic.dead = true;
    this.met.delete(topic.topicId);
    for (const listener of this.#topicListeners) {
      listener(topic.topic, topic.topicId);
    }
    this.progress();
  }

  topicById(topicId: number): TopicEntry | undefined {
    return this.met.get(topicId);
  }

  async resolveTopicById(topicId: number): Promise<TopicEntry | undefined> {
    this.asked.push(topicId);
    const topic = this.askable.get(topicId);
    if (topic !== undefined) {
      this.met.set(topicId, topic);
    }
    return topic;
  }

  append(sink: AppendSink, id: number, bytes: Uint8Array, topic: TopicEntry): number {
    const status = checkBatch(bytes, sink.hasTravelled, !topic.memory);
    if (status !== 0) {
      return status;
    }
    if (readUint32(bytes, BATCH.queueId) >= topic.queues) {
      return ERRORS.QUEUE_NOT_FOUND.wire;
    }
    if (this.refusal !== 0 && !topic.memory) {
      return this.refusal;
    }
    if (this.room === 0 || this.fullTopics.has(topic.topicId)) {
      return APPEND.full;
    }
    this.room--;
    const { baseOffset } = this.store(bytes);
    const position = this.appended++ * 64;
    this.#results.push(() => {
      if (!this.#dropped.has(sink)) {
        sink.onAppended(id, 0, DURABILITY.disk, 0, baseOffset, position, 1000);
      }
    });
    return APPEND.ok;
  }

  onRoom(callback: () => void): void {
    this.#roomWaiters.push(callback);
  }

  dropSink(sink: AppendSink): void {
    this.#dropped.add(sink);
  }

  openReader(topic: TopicEntry, queueId: number, offset: number): QueueReader {
    const reader = new FakeReader(this.queue(topic.topicId, queueId), topic, offset);
    this.readers.push(reader);
    return reader;
  }

  async call<M extends ControlMethod>(method: M, params: unknown, key?: string): Promise<never> {
    this.calls.push({ method, params: params as Record<string, unknown>, key });
    const result = await this.answer(method, params as Record<string, unknown>);
    if (result instanceof RingMQError) {
      throw result;
    }
    return result as never;
  }

  askerGone(): void {}

  async callForBytes(method: ControlMethod, params: unknown, key?: string): Promise<Uint8Array> {
    return encodeControl(await this.call(method, params, key));
  }

  addMember(key: string, sink: MemberSink): void {
    this.members.set(key, sink);
  }

  readonly expiredReports: { key: string; queueId: number; from: number; to: number }[] = [];
  expired(key: string, queueId: number, _generation: number, from: number, to: number): void {
    this.expiredReports.push({ key, queueId, from, to });
  }

  removeMember(key: string): void {
    this.members.delete(key);
  }

  noteConnection(): void {}

  readonly name = 'test';
  #connections = 0;

  newConnectionId(): string {
    return `test-1-${++this.#connections}`;
  }

  showConnections(): () => void {
    return () => {};
  }

  onTopicChanged(listener: (topic: string, topicId: number) => void): () => void {
    this.#topicListeners.add(listener);
    return () => this.#topicListeners.delete(listener);
  }

  async close(): Promise<void> {}
}
