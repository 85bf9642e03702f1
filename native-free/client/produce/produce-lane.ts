/** A producer's way to one broker, or to one set of a cluster: what it has under way there. */
import type { ErrorCode, RingMQError, TopicInfo } from '../../wire/index.js';
import type { BrokerLink } from '../brokers.js';
import type { AckEntry } from '../link/frame-sender.js';
import { BatchDispatcher } from './batch-dispatcher.js';
import type { BatchOwner } from './batch-owner.js';
import type { IdSource } from './producer-ids.js';
import type { SendBatch } from './send-batch.js';

/** Whose lanes they are. Each call says which lane it is about. */
export interface LaneOwner {
  onStored(lane: ProduceLane, batch: SendBatch, entry: AckEntry): void;
  onFailedBatch(lane: ProduceLane, batch: SendBatch, error: RingMQError, mayReuse: boolean): void;
  onReleased(batch: SendBatch): void;
  onProgress(): void;
  onConnected(lane: ProduceLane): void;
  /** It has batches, and no link, so that another is being made, or a broker that refuses them. */
  onLost(lane: ProduceLane): void;
  /** Its broker refuses batches, and has for a while. */
  onRefusing(lane: ProduceLane): void;
  /** There will be no other link. */
  onConnectionFailed(lane: ProduceLane, error: RingMQError): void;
  onTopicChanged(topic: string): void;
  /** Asks what has become of these topics, and tells the lane by {@link ProduceLane.readdress}. */
  onOtherOpening(lane: ProduceLane, topics: ReadonlySet<string>): void;
  onWarning(message: string, details: Record<string, unknown>): void;
}

export class ProduceLane implements BatchOwner {
  readonly link: BrokerLink;
  readonly #owner: LaneOwner;
  readonly #dispatcher: BatchDispatcher;
  /** Everything that may go elsewhere has gone, and nothing has come since. */
  #isEmptied = false;
  /** A batch of the acks that are being read was refused. */
  #hasRefusal = false;

  constructor(
    link: BrokerLink,
    owner: LaneOwner,
    maxInFlight: number,
    timeoutMs: number,
    ids: IdSource | null,
  ) {
    this.link = link;
    this.#owner = owner;
    this.#dispatcher = new BatchDispatcher(link.connection.produce, this, maxInFlight, timeoutMs, ids);
  }

  get set(): string | null {
    return this.link.set;
  }

  /** The largest batch that its broker takes. */
  get batchBytes(): number {
    return this.link.connection.batchBytes;
  }

  get isUp(): boolean {
    return this.link.isUp;
  }

  /** Batches can be sent, and are not known to be refused. `isMemory`: those that the disk and the slaves have nothing to do with. */
  isFree(isMemory: boolean): boolean {
    return this.isUp && (isMemory || !this.link.isRefusing);
  }

  /** Whether a batch that others would take is to find out if it is still refused. What waits here already finds out by itself. */
  takeProbe(): boolean {
    return this.isUp && this.isIdle && this.link.takeProbe();
  }

  get isIdle(): boolean {
    return this.#dispatcher.isIdle;
  }

  /** It is not up, and nothing waits in it that could go elsewhere. */
  get isLeft(): boolean {
    return !this.isUp && (this.#isEmptied || this.isIdle);
  }

  add(batch: SendBatch): void {
    this.#isEmptied = false;
    this.#dispatcher.add(batch);
    if (!this.isUp || this.link.isRefused) {
      this.#owner.onLost(this);
    }
  }

  /** Takes out what is not with the broker now and may go elsewhere; see {@link BatchDispatcher.takeBack}. */
  takeBack(mayGo: (batch: SendBatch) => boolean): SendBatch[] {
    this.#isEmptied = !this.isUp;
    return this.#dispatcher.takeBack(mayGo);
  }

  readdress(topics: ReadonlyMap<string, TopicInfo | RingMQError>): void {
    this.#dispatcher.readdress(topics);
  }

  lowestNumber(): number {
    return this.#dispatcher.lowestNumber();
  }

  close(error: RingMQError): void {
    this.#dispatcher.close(error);
  }

  onStored(batch: SendBatch, entry: AckEntry): void {
    this.#owner.onStored(this, batch, entry);
  }

  onTaken({ memory }: SendBatch): void {
    if (!memory) {
      this.link.onTaken();
    }
  }

  onFailedBatch(batch: SendBatch, error: RingMQError, mayReuse: boolean): void {
    this.#owner.onFailedBatch(this, batch, error, mayReuse);
  }

  onReleased(batch: SendBatch): void {
    this.#owner.onReleased(batch);
  }

  onProgress(): void {
    if (this.#hasRefusal) {
      this.#hasRefusal = false;
      if (this.link.isRefusing) {
        this.#owner.onRefusing(this);
      }
    }
    this.#owner.onProgress();
  }

  onConnected(): void {
    this.#isEmptied = false;
    this.#owner.onConnected(this);
  }

  onLost(): void {
    this.#owner.onLost(this);
  }

  onConnectionFailed(error: RingMQError): void {
    this.#owner.onConnectionFailed(this, error);
  }

  onTopicChanged(topic: string): void {
    this.#owner.onTopicChanged(topic);
  }

  onOtherOpening(topics: ReadonlySet<string>): void {
    this.#owner.onOtherOpening(this, topics);
  }

  onRefused(code: ErrorCode): void {
    this.link.onRefused(code);
    this.#hasRefusal = true;
    if (!this.isUp || this.link.isRefused) {
      this.#owner.onLost(this);
    }
  }

  onWarning(message: string, details: Record<string, unknown>): void {
    this.#owner.onWarning(message, details);
  }
}
