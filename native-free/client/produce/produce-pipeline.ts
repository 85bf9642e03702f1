/**
 * What lies behind a producer's calls, put together: messages that wait, the packer, the ways to topics and
 * the lanes to brokers. It tells what became of messages to those who wait for it: receipts, failures, room in
 * the buffer, the end of a flush.
 */
import { RECORDS_AT } from '../../batch/batch-builder.js';
import { ACK_REPLICAS_SHIFT, DURABILITY_NAMES, type RingMQError } from '../../wire/index.js';
import { messageIdPrefix } from '../../wire/message-id.js';
import type { BrokerLink, Brokers } from '../brokers.js';
import { callUser } from '../callback.js';
import { Failures } from '../failures.js';
import type { AckEntry } from '../link/frame-sender.js';
import type { SendFailure } from '../types.js';
import { KeptMessages, type KeptOwner } from './kept-messages.js';
import { Lanes } from './lanes.js';
import { Packer } from './packer.js';
import type { PendingMessage } from './pending-message.js';
import type { LaneOwner, ProduceLane } from './produce-lane.js';
import type { IdSource } from './producer-ids.js';
import type { ProducerSettings } from './producer-settings.js';
import { ProgressWaiters } from './progress-waiters.js';
import type { SendBatch } from './send-batch.js';
import type { TopicRoute } from './topic-route.js';
import { type RoutesOwner, TopicRoutes } from './topic-routes.js';

/**
 * `ready()` resolves when the buffer is filled to this share. A writer packs the rest in one go, without a
 * look at acks: a large part lets the broker run dry meanwhile (at 0.75 it is slower, docs/performance.md), and a small one
 * costs a turn of the event loop each time.
 */
const READY_SHARE = 0.9;

export class ProducePipeline implements LaneOwner, RoutesOwner, KeptOwner {
  /** These three the producer uses by itself for each message. */
  readonly packer: Packer;
  readonly kept: KeptMessages;
  readonly routes: TopicRoutes;
  readonly #lanes: Lanes;
  readonly #brokers: Brokers;
  readonly #group: string;
  readonly #bufferBytes: number;
  readonly #onError: ((failure: SendFailure) => void) | undefined;
  /** It has failures that nobody was told of, or none any more. */
  readonly #onUntold: (hasFailures: boolean) => void;
  readonly #failures = new Failures();
  readonly #waiters = new ProgressWaiters();

  /** `ids`: under what the broker tells what is sent again; null: it is the producer's own business. */
  constructor(
    brokers: Brokers,
    settings: ProducerSettings,
    ids: IdSource | null,
    onUntold: (hasFailures: boolean) => void,
  ) {
    this.#brokers = brokers;
    this.#group = settings.group;
    this.#bufferBytes = settings.bufferBytes;
    this.#onError = settings.onError;
    this.#onUntold = onUntold;
    this.routes = new TopicRoutes(brokers, settings, this);
    this.#lanes = new Lanes(brokers, { ...settings, ids }, this, (topic) => this.routes.known(topic));
    this.packer = new Packer(() => this.#lanes.isIdle, brokers.buffers, settings);
    this.kept = new KeptMessages(this.packer, this.routes, this);
  }

  /** Resolves when the buffer has room. */
  room(): Promise<void> {
    return this.#waiters.room();
  }

  /** Closes what is open, and resolves when all messages below a running number are settled; null: they are. */
  settled(upTo: number): Promise<void> | null {
    this.packer.sealAll();
    if (this.#lowestNumber() >= upTo) {
      return null;
    }
    this.packer.isFlushing = true;
    return this.#waiters.settled(upTo);
  }

  /** Throws the error that tells of all failures that nobody was told of, once. */
  throwUntold(): void {
    const failure = this.#failures.take();
    if (failure !== null) {
      this.#onUntold(false);
      throw failure;
    }
  }

  /** What is not settled fails. */
  end(error: RingMQError): void {
    this.kept.failAll(error);
    this.packer.sealAll();
    this.packer.close();
    this.#lanes.close(error);
    this.onProgress();
  }

  /** Over a cluster: a topic, null: any, may be in other sets now. */
  onBrokersChanged(topic: string | null): void {
    this.routes.lookAgain(topic);
  }

  laneTo(link: BrokerLink): ProduceLane {
    return this.#lanes.to(link);
  }

  onFound(route: TopicRoute, waiting: readonly PendingMessage[]): void {
    this.kept.found(route, waiting);
    this.#lanes.rescue();
  }

  onGivenUp(route: TopicRoute): void {
    this.packer.sealRoute(route);
  }

  onNotFound(waiting: readonly PendingMessage[], error: RingMQError): void {
    this.kept.notFound(waiting, error);
  }

  get #bufferedBytes(): number {
    return this.packer.bytes + this.kept.bytes;
  }

  get hasRoom(): boolean {
    return this.#bufferedBytes < this.#bufferBytes;
  }

  onKeptFailed({ topic, number }: PendingMessage, error: RingMQError): void {
    this.#report({ topic, queueId: null, error, numbers: [number] });
  }

  onStored({ link }: ProduceLane, batch: SendBatch, entry: AckEntry): void {
    batch.receipts?.succeed({
      topic: batch.topic,
      queueId: batch.queueId,
      baseOffset: entry.baseOffset,
      idPrefix: messageIdPrefix(link.connection.welcome.brokerId, batch.memory, entry.position),
      durability: DURABILITY_NAMES[entry.durability] ?? 'memory',
      brokerSet: link.set,
      replicas: entry.flags >>> ACK_REPLICAS_SHIFT,
    });
    this.packer.bytes -= batch.builder.at - RECORDS_AT;
    this.packer.reuse(batch);
  }

  onFailedBatch({ set }: ProduceLane, batch: SendBatch, error: RingMQError, mayReuse: boolean): void {
    if (error.code === 'TOPIC_NOT_FOUND' || error.code === 'QUEUE_NOT_FOUND') {
      this.onTopicChanged(batch.topic);
    }
    this.packer.bytes -= batch.builder.at - RECORDS_AT;
    batch.receipts?.fail(error);
    if (batch.written > 0) {
      const { topic, queueId } = batch;
      const brokerSet = set === null ? {} : { brokerSet: set };
      this.#report({ topic, queueId, ...brokerSet, error, numbers: batch.writtenNumbers() });
    }
    if (mayReuse) {
      this.packer.reuse(batch);
    }
  }

  onReleased(batch: SendBatch): void {
    this.packer.reuse(batch);
  }

  /** What changed while there was no link was not told: topics are asked for anew. What is packed goes where it was packed for. */
  onConnected({ set }: ProduceLane): void {
    if (set === null) {
      this.routes.forgetAll();
    } else {
      this.onBrokersChanged(null);
    }
    this.#lanes.rescue();
  }

  onLost(lane: ProduceLane): void {
    this.#lanes.onLost(lane);
  }

  onRefusing(): void {
    this.#lanes.rescue();
  }

  onOtherOpening(lane: ProduceLane, topics: ReadonlySet<string>): void {
    void this.#lanes.readdress(lane, topics);
  }

  onWarning(message: string, details: Record<string, unknown>): void {
    this.#brokers.warn(message, { group: this.#group, ...details });
  }

  onConnectionFailed(lane: ProduceLane, error: RingMQError): void {
    this.#lanes.remove(lane);
    if (this.#brokers.failure !== null) {
      this.end(error);
    } else {
      // A set that has left the cluster: the topics are looked for elsewhere.
      this.onBrokersChanged(null);
    }
  }

  onTopicChanged(topic: string): void {
    this.routes.forget(topic);
  }

  #report(failure: SendFailure): void {
    this.#failures.add(failure);
    this.#onUntold(true);
    callUser(this.#onError, failure);
  }

  /** Some messages are settled: lets in who waits for room, wakes who waits for that, closes what has waited for it. */
  onProgress(): void {
    if (this.kept.heldCount > 0) {
      this.kept.admit();
    }
    const hasRoom = this.kept.heldCount === 0 && this.#bufferedBytes <= this.#bufferBytes * READY_SHARE;
    if (hasRoom) {
      this.#waiters.onRoom();
    }
    if (this.#waiters.hasFlushes) {
      this.#waiters.onSettled(this.#lowestNumber());
      this.packer.isFlushing = this.#waiters.hasFlushes;
    }
    this.packer.onProgress();
  }

  #lowestNumber(): number {
    return Math.min(this.#lanes.lowestNumber(), this.packer.lowestNumber(), this.kept.lowestNumber());
  }
}
