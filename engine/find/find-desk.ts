/**
 * Where messages are looked for from: takes what a caller wants, has the log searched by a thread of its own,
 * and looks through memory topics itself, as only who has a seat can.
 */
import { monotonicMs } from '../../native-free/time/index.js';
import {
  DEFAULT_FOUND_BODY_BYTES,
  DEFAULT_FOUND_MESSAGES,
  type FindParams,
  type FindResult,
  MAX_FOUND_BODY_BYTES,
  MAX_FOUND_MESSAGES,
  parseMessageId,
  RingMQError,
  unpackValue,
} from '../../native-free/wire/index.js';
import type { BrokerHandle } from '../handle.js';
import type { CatalogTopic, TopicCatalog } from '../meta/index.js';
import type { ResolvedEngineOptions } from '../options.js';
import { BROKER_WORD } from '../term/shared-words.js';
import { JobPool } from '../thread/job-pool.js';
import type { ThreadParts } from '../thread/thread-parts.js';
import { MemorySource } from './batch-source.js';
import { CalmStart } from './calm-start.js';
import { findById } from './find-by-id.js';
import type {
  FindAnswer,
  FindCursor,
  FindFilter,
  FindRequest,
  KeyRequest,
  TopicRequest,
} from './find-request.js';
import { findInTopic } from './find-topic.js';
import type { FindOutcome } from './find-worker.js';
import { KeyKeeper } from './keys/key-keeper.js';
import type { FinderMemory } from './log-finder.js';
import type { WalkDeps } from './queue-walk.js';

/** The thread that searches ends after so long without a search, and without a client that has come. */
const IDLE_MS = 600_000;
/** Searches that wait for the thread; more are refused. */
const MAX_WAITING = 256;
/** Memory topics are looked through on the thread that opened the broker, which has other things to do. */
const MEMORY_MS = 10;

/** Looks at nothing, and loads all that a search needs. */
const NOTHING = { kind: 'id', memory: false, position: 0, index: 0, committed: 0 } as const;

export interface FindDeskDeps {
  readonly handle: BrokerHandle;
  readonly catalog: TopicCatalog;
  readonly parts: Pick<
    ThreadParts,
    'log' | 'memory' | 'logRing' | 'memoryRing' | 'queueTable' | 'queueIndex' | 'logReader'
  >;
  readonly options: Pick<ResolvedEngineOptions, 'keyIndex' | 'minFreeBytes'>;
  /** Where the log began when it was first made. */
  readonly firstPosition: number;
  /** A pin may have kept the memory ring's gate from moving. */
  gateIsHeldBack(): void;
  warn(message: string): void;
}

export class FindDesk {
  /** null: there is no key index, keys are looked for queue by queue. */
  readonly keys: KeyKeeper | null;
  readonly #deps: FindDeskDeps;
  readonly #memory: WalkDeps;
  readonly #words: Int32Array;
  readonly #start = new CalmStart(monotonicMs());
  #pool: JobPool | null = null;
  #isClosed = false;

  constructor(deps: FindDeskDeps) {
    this.#deps = deps;
    this.#words = new Int32Array(deps.handle.brokerWords);
    const { queueTable, queueIndex, memory, memoryRing } = deps.parts;
    this.#memory = {
      queueTable,
      queueIndex,
      source: new MemorySource(memoryRing, memory.reader, () => deps.gateIsHeldBack()),
      behindDamage: (_slot, offset) => offset,
    };
    this.keys = deps.options.keyIndex === 'on' ? this.#makeKeeper() : null;
  }

  /**
   * To be called once a second where clients come over a network: the thread that searches is started for those
   * that have come, as its start takes longer than most searches do. None is where there is nothing to be found,
   * nor while much is written.
   */
  sweep(): void {
    const came = Atomics.load(this.#words, BROKER_WORD.connections);
    const end = this.#committed();
    const isEmpty = end <= this.#deps.firstPosition;
    if (this.#isClosed || isEmpty || !this.#start.isDue(came, end, monotonicMs())) {
      return;
    }
    // Where it cannot be started, who searches is told so.
    this.#threads()
      .run({ ...NOTHING, ...filterOf({}) } satisfies FindRequest)
      .catch(() => undefined);
  }

  /** Whether the thread that searches is there. */
  get isWarm(): boolean {
    return this.#pool?.hasThread === true;
  }

  /**
   * @throws RingMQError TOPIC_NOT_FOUND, QUEUE_NOT_FOUND, BAD_ARGUMENT, BROKER_BUSY (too many wait), LOG_CORRUPT,
   * disk errors
   */
  async find(params: FindParams): Promise<FindResult> {
    const filter = filterOf(params);
    const { id = null, topic = null } = params;
    const wanted = topic === null ? null : this.#deps.catalog.require(topic);
    if (id !== null) {
      return this.#byId(id, filter, wanted);
    }
    if (wanted === null) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        'topic says whose messages are meant; it may be left out with id only',
        {
          details: { option: 'topic' },
        },
      );
    }
    const request = this.#topicRequest(params, wanted, filter);
    const found = await this.#run(this.#byKey(params, request) ?? request);
    const { topicId: _topicId, hasDiscarded, ...answer } = found;
    if (hasDiscarded === true) {
      this.keys?.changed();
    }
    return { topic: wanted.topic, ...answer };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.keys?.close();
    // One search is short, and those that wait are refused.
    await this.#pool?.close({ refusesWaiting: true });
    this.#pool = null;
  }

  async #byId(id: string, filter: FindFilter, wanted: CatalogTopic | null): Promise<FindResult> {
    const none: FindResult = {
      topic: wanted?.topic ?? null,
      messages: [],
      damage: [],
      cursor: null,
      complete: true,
    };
    const place = parseMessageId(id);
    if (place === undefined) {
      throw new RingMQError('BAD_ARGUMENT', 'id is no message id', {
        details: { option: 'id', value: id.slice(0, 64) },
      });
    }
    if (place.brokerId !== this.#deps.handle.brokerId) {
      return none;
    }
    const { position, index } = place;
    const { memory } = place;
    const committed = memory ? this.#indexedInMemory() : this.#committed();
    const request = { kind: 'id', memory, position, index, committed, ...filter } as const;
    const { topicId, ...answer } = await this.#run(request);
    const topic = topicId === null ? undefined : this.#deps.catalog.byId(topicId);
    if (topicId === null) {
      return { ...none, damage: answer.damage };
    }
    // One whose topic was deleted, or is another than was said, is not there.
    return topic === undefined || (wanted !== null && wanted.topicId !== topicId)
      ? none
      : { topic: topic.topic, ...answer };
  }

  #topicRequest(params: FindParams, topic: CatalogTopic, filter: FindFilter): TopicRequest {
    const { queueId = null, offset = null } = params;
    const cursor = this.#cursor(params.cursor ?? null, topic);
    const request = { ...this.#requestOf(topic, filter), cursor };
    if (queueId === null) {
      if (offset !== null) {
        throw new RingMQError('BAD_ARGUMENT', 'offset needs queueId: each queue has offsets of its own', {
          details: { option: 'offset' },
        });
      }
      return request;
    }
    const slot = topic.slots[queueId];
    if (slot === undefined) {
      throw new RingMQError('QUEUE_NOT_FOUND', `the topic '${topic.topic}' has no queue ${queueId}`, {
        details: { topic: topic.topic, queueId, queues: topic.queues },
      });
    }
    return { ...request, slots: Int32Array.of(slot), firstQueueId: queueId, offset };
  }

  /** The same by the key index, where there is one and it is of use. */
  #byKey({ queueId = null, offset = null }: FindParams, request: TopicRequest): KeyRequest | undefined {
    const { keys } = this;
    const { key, memory, slots: _slots, firstQueueId: _first, ...rest } = request;
    if (key === null || memory || keys === null) {
      return undefined;
    }
    const { firstPosition } = this.#deps;
    const found = { ...rest, kind: 'key', memory: false, key, queueId, offset, firstPosition } as const;
    // Asked after the log's end was: what has come since is not looked for.
    return { ...found, keylessFrom: keys.keylessFrom() };
  }

  #requestOf(topic: CatalogTopic, filter: FindFilter): TopicRequest {
    return {
      kind: 'topic',
      topic: topic.topic,
      topicId: topic.topicId,
      memory: topic.memory,
      slots: Int32Array.from(topic.slots),
      firstQueueId: 0,
      offset: null,
      cursor: null,
      committed: topic.memory ? this.#indexedInMemory() : this.#committed(),
      ...filter,
    };
  }

  #cursor(text: string | null, topic: CatalogTopic): FindCursor | null {
    if (text === null) {
      return null;
    }
    const match = /^(?:(\d{1,6})\/)?(m?[0-9a-f]{34})$/.exec(text);
    const place = match === null ? undefined : parseMessageId(match[2] as string);
    if (place === undefined || place.memory !== topic.memory) {
      throw new RingMQError('BAD_ARGUMENT', 'the cursor is not one that an answer gave', {
        details: { option: 'cursor', value: text.slice(0, 64) },
      });
    }
    const queueId = match?.[1] === undefined ? null : Number(match[1]);
    return { queueId, position: place.position, index: place.index };
  }

  #makeKeeper(): KeyKeeper {
    const { handle, parts, options, firstPosition, warn } = this.#deps;
    return new KeyKeeper({
      dir: handle.dir,
      segmentBytes: handle.segmentBytes,
      logRing: parts.logRing,
      brokerWords: handle.brokerWords,
      minFreeBytes: options.minFreeBytes,
      firstPosition,
      oldest: () => parts.logReader.oldestPosition,
      committed: () => this.#committed(),
      warn,
    });
  }

  #committed(): number {
    const { log, logRing } = this.#deps.parts;
    // What is committed and not in the files yet may be, where acks do not wait for files.
    return Math.min(logRing.toBytes(log.committed()), logRing.toBytes(logRing.written()));
  }

  #indexedInMemory(): number {
    const { memory, memoryRing } = this.#deps.parts;
    return memoryRing.toBytes(memory.committed());
  }

  async #run(request: FindRequest): Promise<FindAnswer> {
    if (this.#isClosed) {
      throw new RingMQError('BROKER_CLOSED');
    }
    if (request.memory) {
      const { brokerId } = this.#deps.handle;
      return request.kind === 'id'
        ? findById(this.#memory, request, { brokerId, memory: true })
        : findInTopic(this.#memory, request, brokerId, MEMORY_MS);
    }
    const pool = this.#threads();
    if (pool.waitingCount >= MAX_WAITING) {
      throw new RingMQError('BROKER_BUSY', `${MAX_WAITING} searches wait already`);
    }
    let outcome: FindOutcome;
    try {
      outcome = (await pool.run(request)) as FindOutcome;
    } catch (error) {
      if (this.#isClosed) {
        throw new RingMQError('BROKER_CLOSED');
      }
      throw error;
    }
    if ('error' in outcome) {
      const { code, message, details } = outcome.error;
      throw new RingMQError(code, message, { details });
    }
    return unpackValue(outcome.answer) as FindAnswer;
  }

  #threads(): JobPool {
    const { handle } = this.#deps;
    this.#pool ??= new JobPool({
      file: new URL('./find-worker.js', import.meta.url),
      idleMs: IDLE_MS,
      workerData: {
        dir: handle.dir,
        segmentBytes: handle.segmentBytes,
        brokerId: handle.brokerId,
        queues: handle.queues,
        logRing: handle.log.ring,
      } satisfies FinderMemory,
    });
    return this.#pool;
  }
}

function filterOf(params: FindParams): FindFilter {
  const { key = null, tag = null, fromTime = null, toTime = null } = params;
  return {
    key,
    tag,
    fromTime,
    toTime,
    limit: within('limit', params.limit ?? DEFAULT_FOUND_MESSAGES, 1, MAX_FOUND_MESSAGES),
    maxBodyBytes: within(
      'maxBodyBytes',
      params.maxBodyBytes ?? DEFAULT_FOUND_BODY_BYTES,
      0,
      MAX_FOUND_BODY_BYTES,
    ),
    bodyFrom: params.bodyFrom ?? 0,
  };
}

function within(option: string, value: number, lowest: number, highest: number): number {
  if (value < lowest || value > highest) {
    throw new RingMQError('BAD_ARGUMENT', `${option} must be ${lowest} to ${highest}, not ${value}`, {
      details: { option, value },
    });
  }
  return value;
}
