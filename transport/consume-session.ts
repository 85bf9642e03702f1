/** The consuming half of a connection: its consumers, and their turns at delivery. */
import type { TopicEntry } from '../engine/engine-thread.js';
import {
  type ControlEvent,
  type ControlMethods,
  type ErrorCode,
  FRAME,
  MAX_CONSUMERS_PER_CONNECTION,
  makeFrame,
  OPCODE,
  PackedOffsets,
  packQueueList,
  parseTagFilter,
  RingMQError,
  readUint32,
  readUint64,
  tagFilterBloom,
} from '../native-free/wire/index.js';
import { joinNeeds } from './auth/method-rights.js';
import { has, type Need, notAllowed, type Principal } from './auth/principal.js';
import { encodeControl } from './control-payload.js';
import type { SessionContext } from './session-context.js';
import { type ConsumerOwner, Subscription } from './subscription.js';

export class ConsumeSession implements ConsumerOwner {
  readonly #context: SessionContext;
  readonly #consumers = new Map<number, Subscription>();
  /** What each needs while it is there, where users have rights. */
  readonly #needs = new Map<Subscription, readonly Need[]>();
  /** The same, in the order of their turns. */
  #turns: Subscription[] = [];
  #turn = 0;
  #joins = 0;
  #budget = 0;
  #used = 0;
  readonly #deliverCorked = (): void => this.#deliverTurns();

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /**
   * The engine's name for a consumer of this connection. Throws BAD_REQUEST for what is no number,
   * NOT_A_MEMBER when there is none of that number.
   */
  keyOf(consumerNumber: unknown): string {
    return this.#require(consumerNumber).key;
  }

  /**
   * Joins a group. The answer is handed to `answer`, which sends it, before any event of the consumer goes
   * out: a client never hears of queues of a consumer it does not know to have joined.
   */
  async join(params: Record<string, unknown>, answer: (result: object) => void): Promise<void> {
    const { engine } = this.#context;
    const consumer = this.#add(params);
    if (this.#context.principal !== null) {
      this.#needs.set(consumer, joinNeeds(params));
    }
    try {
      const positions = packPositions(params['positions']);
      const joinParams = { memberId: null, ...params, positions, filter: params['filter'] ?? '*' };
      const result = await engine.call('join', joinParams as never as JoinParams, consumer.key);
      if (consumer.isClosed) {
        // It left, or the connection went, while the group took the member in: too early to be removed then.
        await engine.call('leave', { consumer: consumer.number }, consumer.key).catch(() => {});
      }
      const topic = await this.#topicOf(result.topic.topicId, result.topic.topic);
      if (consumer.isClosed) {
        throw notAMember(consumer.number);
      }
      answer(result);
      consumer.group = typeof params['group'] === 'string' ? params['group'] : null;
      consumer.begin(topic);
    } catch (error) {
      this.#remove(consumer);
      throw error;
    }
  }

  /** The user's rights have changed: consumers that they are not enough for end. */
  onPrincipal(principal: Principal): void {
    for (const [consumer, needs] of [...this.#needs]) {
      const missing = needs.find((need) => !has(principal, need));
      if (missing !== undefined) {
        const { message } = notAllowed('subscribe', missing.resource);
        this.ended(consumer, 'NOT_ALLOWED', message);
      }
    }
  }

  /** Leaves: no delivery after this, and the queues are free for others. */
  async leave(params: Record<string, unknown>): Promise<object> {
    const consumer = this.#require(params['consumer']);
    consumer.close();
    try {
      return await this.#context.engine.call(
        'leave',
        params as never as ControlMethods['leave']['params'],
        consumer.key,
      );
    } finally {
      this.#remove(consumer);
    }
  }

  /** Passes over damage in one of a consumer's queues. */
  skipDamage(params: Record<string, unknown>): object {
    this.keyOf(params['consumer']);
    const { queueId, generation } = params;
    if (typeof queueId !== 'number' || typeof generation !== 'number') {
      throw new RingMQError('BAD_REQUEST', 'skipDamage needs a queueId and a generation');
    }
    const consumer = this.#consumers.get(params['consumer'] as number) as Subscription;
    return { offset: consumer.skipDamage(queueId, generation) };
  }

  /** A consumer has found a batch damaged that was sent to it. */
  reportDamage(params: Record<string, unknown>): object {
    this.keyOf(params['consumer']);
    const { queueId, generation, offset } = params;
    if (typeof queueId !== 'number' || typeof generation !== 'number' || !isOffset(offset)) {
      throw new RingMQError('BAD_REQUEST', 'reportDamage needs a queueId, a generation and an offset');
    }
    const consumer = this.#consumers.get(params['consumer'] as number) as Subscription;
    return { isDamaged: consumer.reportDamage(queueId, generation, offset) };
  }

  /** Stops and begins the deliveries of queues. */
  async flow(params: Record<string, unknown>): Promise<object> {
    const consumer = this.#require(params['consumer']);
    await consumer.flow(new PackedOffsets(packQueueList('flow', params['queues'])));
    return {};
  }

  /** A credit frame. One for a consumer that is not there is of no account: it may have ended a moment ago. */
  onCredit(bytes: Uint8Array): void {
    this.#consumers.get(readUint32(bytes, FRAME.id))?.setCredit(readUint64(bytes, FRAME.value));
  }

  *consumersThere(): Generator<{ group: string | null; topic: string }> {
    for (const { group, topicName } of this.#consumers.values()) {
      if (topicName !== '') {
        yield { group, topic: topicName };
      }
    }
  }

  get hasWork(): boolean {
    if (this.#context.socket.bufferedBytes >= this.#context.options.maxBufferedBytes) {
      return false;
    }
    return this.#turns.some((consumer) => consumer.hasWork);
  }

  /** Delivers up to about `budget` bytes, one frame for each consumer in turn. Returns what it used. */
  deliver(budget: number): number {
    this.#budget = budget;
    this.#used = 0;
    this.#context.socket.cork(this.#deliverCorked);
    return this.#used;
  }

  sendEvent(consumer: Subscription, event: ControlEvent): void {
    this.sendPayload(consumer, encodeControl(event));
  }

  sendPayload(consumer: Subscription, payload: Uint8Array): void {
    this.#context.socket.send(makeFrame(OPCODE.event, consumer.number, { payload }));
  }

  ended(consumer: Subscription, code: ErrorCode, message: string): void {
    if (!this.#consumers.has(consumer.number)) {
      return;
    }
    this.#remove(consumer);
    this.sendEvent(consumer, { event: 'ended', code, message });
  }

  close(): void {
    for (const consumer of [...this.#consumers.values()]) {
      this.#remove(consumer);
    }
  }

  #deliverTurns(): void {
    const { socket, options, host } = this.#context;
    let idle = 0;
    while (this.#used < this.#budget && this.#context.isOpen && idle < this.#turns.length) {
      if (socket.bufferedBytes >= options.maxBufferedBytes) {
        return;
      }
      this.#turn = (this.#turn + 1) % this.#turns.length;
      const consumer = this.#turns[this.#turn] as Subscription;
      const used = consumer.hasWork ? consumer.deliverFrame(host.frameBuffer) : 0;
      this.#used += used;
      idle = used > 0 ? 0 : idle + 1;
    }
  }

  #require(consumerNumber: unknown): Subscription {
    const number = checkNumber(consumerNumber);
    const consumer = this.#consumers.get(number);
    if (consumer === undefined) {
      throw notAMember(number);
    }
    return consumer;
  }

  #add(params: Record<string, unknown>): Subscription {
    const number = checkNumber(params['consumer']);
    const expression = params['filter'] ?? '*';
    if (typeof expression !== 'string') {
      throw new RingMQError('BAD_REQUEST', 'filter must be a string');
    }
    const onDamage = params['onDamage'] ?? 'end';
    if (onDamage !== 'end' && onDamage !== 'tell') {
      throw new RingMQError('BAD_REQUEST', "onDamage must be 'end' or 'tell'");
    }
    if (this.#consumers.has(number)) {
      throw new RingMQError('BAD_ARGUMENT', `consumer ${number} is on this connection already`, {
        details: { consumer: number },
      });
    }
    if (this.#consumers.size >= MAX_CONSUMERS_PER_CONNECTION) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        `a connection has at most ${MAX_CONSUMERS_PER_CONNECTION} consumers`,
        {
          details: { limit: MAX_CONSUMERS_PER_CONNECTION },
        },
      );
    }
    const tags = parseTagFilter(expression);
    const filter = tagFilterBloom(tags === null ? null : tags.map((tag) => Buffer.from(tag)));
    // With a running number: a client may leave and join again under the same one while an answer is under
    // way.
    const key = `${this.#context.connectionKey}:${number}:${this.#joins++}`;
    const consumer = new Subscription(number, key, filter, onDamage, this.#context, this);
    this.#consumers.set(number, consumer);
    this.#turns.push(consumer);
    this.#context.engine.addMember(key, consumer);
    return consumer;
  }

  #remove(consumer: Subscription): void {
    consumer.close();
    if (this.#consumers.get(consumer.number) !== consumer) {
      return;
    }
    this.#consumers.delete(consumer.number);
    this.#needs.delete(consumer);
    this.#turns = this.#turns.filter((other) => other !== consumer);
    this.#context.engine.removeMember(consumer.key);
  }

  async #topicOf(topicId: number, name: string): Promise<TopicEntry> {
    const { engine } = this.#context;
    const topic = engine.topicById(topicId) ?? (await engine.resolveTopicById(topicId));
    if (topic !== undefined) {
      return topic;
    }
    throw new RingMQError('TOPIC_NOT_FOUND', `there is no topic ${name}`, { details: { topic: name } });
  }
}

function checkNumber(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 0xffff_ffff) {
    throw new RingMQError('BAD_REQUEST', 'consumer must be a number from 1 to 4294967295');
  }
  return value;
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function notAMember(consumer: number): RingMQError {
  return new RingMQError('NOT_A_MEMBER', `there is no consumer ${consumer} on this connection`, {
    details: { consumer },
  });
}

type JoinParams = ControlMethods['join']['params'];

/** Where a reader was: a list that passes from thread to thread as numbers. What is no such thing is refused with the rest. */
function packPositions(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('queues' in value)) {
    return value;
  }
  return { ...value, queues: packQueueList('join', value.queues) };
}
