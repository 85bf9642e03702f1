/**
 * Gathers what producers sent in many small batches into larger ones, by queue: as many messages as are
 * wanted, or what has come within the wait. Queues are gathered side by side, so that one with little to give
 * holds up no other.
 */
import { monotonicMs } from '../../time/index.js';
import { pause } from '../abort.js';
import type { QueueClaim } from './batch-info.js';
import { HELD_BACK } from './inbox.js';
import type { Reading } from './reading.js';
import type { ReceivedBatch } from './received-batch.js';
import type { ConsumedMessage, MessageBatch } from './types.js';

export interface GatherSettings {
  readonly maxMessages: number;
  readonly maxWaitMs: number;
  /** What may be gathered in all; past it the largest is handed out before its time. */
  readonly maxBytes: number;
}

/** A batch that arrived, and what of it is not in any gathered batch yet. */
class Source {
  readonly batch: ReceivedBatch;
  readonly #messages: Iterator<ConsumedMessage, undefined>;
  left: number;
  /** Gathered batches with messages of it that are not acked, and one for what is left. */
  #openParts = 1;

  constructor(batch: ReceivedBatch) {
    this.batch = batch;
    this.#messages = batch[Symbol.iterator]();
    this.left = batch.length;
  }

  take(count: number, into: ConsumedMessage[]): void {
    this.#openParts++;
    this.left -= count;
    for (let i = 0; i < count; i++) {
      const message = this.#messages.next();
      if (message.done !== true) {
        into.push(message.value);
      }
    }
    if (this.left === 0) {
      this.done();
    }
  }

  /** One part less needs the bytes. */
  done(): void {
    if (--this.#openParts === 0) {
      this.batch.letGo();
    }
  }
}

/** What has been gathered of one queue. */
interface Gathering {
  readonly hold: QueueClaim;
  readonly sources: Source[];
  count: number;
  bytes: number;
  /** It is handed out then, however little it is. */
  dueAt: number;
}

class GatheredBatch implements MessageBatch {
  readonly topic: string;
  readonly brokerSet: string | undefined;
  readonly queueId: number;
  readonly baseOffset: number;
  readonly storeTime: number;
  readonly bytes: number;
  readonly #messages: readonly ConsumedMessage[];
  readonly #sources: readonly Source[];
  readonly #hold: QueueClaim;
  #isAcked = false;

  constructor(
    hold: QueueClaim,
    messages: readonly ConsumedMessage[],
    sources: readonly Source[],
    bytes: number,
  ) {
    const { topic, brokerSet, queueId, offset, storeTime } = messages[0] as ConsumedMessage;
    this.topic = topic;
    this.brokerSet = brokerSet;
    this.queueId = queueId;
    this.baseOffset = offset;
    this.storeTime = storeTime;
    this.bytes = bytes;
    this.#messages = messages;
    this.#sources = sources;
    this.#hold = hold;
  }

  get length(): number {
    return this.#messages.length;
  }

  async ack(): Promise<boolean> {
    if (!this.#isAcked) {
      this.#isAcked = true;
      for (const message of this.#messages) {
        void message.ack();
      }
      for (const source of this.#sources) {
        source.done();
      }
    }
    return this.#hold.held;
  }

  [Symbol.iterator](): Iterator<ConsumedMessage, undefined> {
    return this.#messages.values() as Iterator<ConsumedMessage, undefined>;
  }
}

export class Gatherer {
  readonly #reading: Reading;
  readonly #settings: GatherSettings;
  /** In the order in which they are due. */
  readonly #gatherings = new Map<QueueClaim, Gathering>();
  #bytes = 0;

  constructor(reading: Reading, settings: GatherSettings) {
    this.#reading = reading;
    this.#settings = settings;
  }

  /** Waits for a batch; null at the end. Throws what ended the reading. */
  async next(): Promise<MessageBatch | null> {
    for (;;) {
      if (this.#reading.checkEnd()) {
        return null;
      }
      const gathering = this.#gather() ?? this.#due();
      if (gathering !== null) {
        return this.#handOut(gathering);
      }
      if (this.#gatherings.size === 0) {
        this.#reading.checkDamage();
      }
      await this.#changed();
    }
  }

  /** Takes what is there; returns what is full, or has to go to make room. */
  #gather(): Gathering | null {
    this.#forgetLost();
    let full = this.#full();
    while (full === null) {
      const batch = this.#reading.tryNext();
      if (batch === null) {
        return null;
      }
      const gathering = this.#add(batch);
      const isFull = gathering.count >= this.#settings.maxMessages;
      full = isFull ? gathering : this.#bytes >= this.#settings.maxBytes ? this.#full() : null;
    }
    return full;
  }

  #add(batch: ReceivedBatch): Gathering {
    const { hold } = batch.info;
    let gathering = this.#gatherings.get(hold);
    if (gathering === undefined) {
      gathering = { hold, sources: [], count: 0, bytes: 0, dueAt: monotonicMs() + this.#settings.maxWaitMs };
      this.#gatherings.set(hold, gathering);
    }
    gathering.sources.push(new Source(batch));
    gathering.count += batch.length;
    gathering.bytes += batch.bytes;
    this.#bytes += batch.bytes;
    if (gathering.count >= this.#settings.maxMessages) {
      // What comes behind it waits in the inbox, where it is counted.
      this.#reading.memberOf(batch)?.control.holdBack(batch.queueId, HELD_BACK.busy);
    }
    return gathering;
  }

  /** One that has what is wanted, that is about to be taken away, or that has to make room. */
  #full(): Gathering | null {
    let largest: Gathering | null = null;
    for (const gathering of this.#gatherings.values()) {
      if (gathering.hold.isPaused) {
        continue;
      }
      if (gathering.count >= this.#settings.maxMessages || !gathering.hold.isActive) {
        return gathering;
      }
      if (largest === null || gathering.bytes > largest.bytes) {
        largest = gathering;
      }
    }
    return this.#bytes >= this.#settings.maxBytes ? largest : null;
  }

  #due(): Gathering | null {
    const now = monotonicMs();
    for (const gathering of this.#gatherings.values()) {
      if (gathering.dueAt <= now && !gathering.hold.isPaused) {
        return gathering;
      }
    }
    return null;
  }

  #handOut(gathering: Gathering): MessageBatch {
    const { hold, sources } = gathering;
    const { maxMessages, maxWaitMs } = this.#settings;
    const messages: ConsumedMessage[] = [];
    const used: Source[] = [];
    let bytes = 0;
    while (messages.length < maxMessages && sources.length > 0) {
      const source = sources[0] as Source;
      source.take(Math.min(source.left, maxMessages - messages.length), messages);
      used.push(source);
      bytes += source.batch.bytes;
      if (source.left === 0) {
        sources.shift();
        gathering.bytes -= source.batch.bytes;
        this.#bytes -= source.batch.bytes;
      }
    }
    gathering.count -= messages.length;
    this.#gatherings.delete(hold);
    if (gathering.count > 0) {
      gathering.dueAt = monotonicMs() + maxWaitMs;
      this.#gatherings.set(hold, gathering);
    }
    if (gathering.count < maxMessages) {
      const first = messages[0] as ConsumedMessage;
      this.#reading.memberOf(first)?.control.release(first.queueId, HELD_BACK.busy);
    }
    return new GatheredBatch(hold, messages, used, bytes);
  }

  /** Their messages are delivered to whoever has the queues now. */
  #forgetLost(): void {
    for (const [hold, gathering] of this.#gatherings) {
      if (hold.held) {
        continue;
      }
      this.#gatherings.delete(hold);
      this.#bytes -= gathering.bytes;
      for (const source of gathering.sources) {
        source.done();
      }
    }
  }

  async #changed(): Promise<void> {
    const first = [...this.#gatherings.values()].find(({ hold }) => !hold.isPaused);
    if (first === undefined) {
      await this.#reading.changed();
      return;
    }
    const stop = new AbortController();
    const waitMs = Math.max(1, first.dueAt - monotonicMs());
    await Promise.race([this.#reading.changed(), pause(waitMs, stop.signal)]);
    stop.abort();
  }
}
