import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { build, type Histogram } from 'hdr-histogram-js';
import type { Client, Receipt } from '../native-free/client/index.js';
import { type FlightMessage, producerOfKey } from './flights.js';

/** Sends all flights at an even pace, each with a promise, and keeps what every promise said. */
export class Sender {
  sent = 0;
  acked = 0;
  failed = 0;
  /** Every level an ack named. */
  readonly durabilities = new Set<string>();
  readonly isAcked: Uint8Array;
  /** Microseconds from send to ack, of messages the outage did not hold up, and of those it did. */
  readonly steady: Histogram = microseconds();
  readonly heldUp: Histogram = microseconds();
  firstError: unknown;
  readonly #flights: readonly FlightMessage[];
  readonly #places = new Set<number>();
  readonly #onAck: () => void;
  /** The outage on `performance.now()`'s clock: from the kill until the acks have caught up. */
  #goneAt = Number.POSITIVE_INFINITY;
  #caughtUpAt = Number.POSITIVE_INFINITY;
  #isBack = false;
  #underWayBefore = 0;

  constructor(flights: readonly FlightMessage[], onAck: () => void) {
    this.#flights = flights;
    this.isAcked = new Uint8Array(flights.length);
    this.#onAck = onAck;
  }

  /** Different places (queue and offset) the receipts named: as many as there are acked messages, or two share one. */
  get places(): number {
    return this.#places.size;
  }

  /** Messages are held up from now on. */
  brokerGone(): void {
    this.#goneAt = performance.now();
    this.#underWayBefore = this.sent - this.acked;
  }

  /** It serves again; the outage is over once no more messages are under way than before. */
  brokerBack(): void {
    this.#isBack = true;
  }

  /** Resolves when every message was acked or has failed. */
  async run(clients: readonly Client[], topic: string, perSecond: number): Promise<void> {
    const producers = clients.map((client, i) => client.producer({ group: `demo-${i}` }));
    const startedAt = performance.now();
    const pending: Promise<void>[] = [];
    for (const [i, flight] of this.#flights.entries()) {
      while ((i * 1000) / perSecond > performance.now() - startedAt) {
        await ((i * 1000) / perSecond - (performance.now() - startedAt) > 2 ? sleep(1) : nextTurn());
      }
      const producer = producers[producerOfKey(flight.key, producers.length)];
      if (producer === undefined) {
        throw new Error('there is no producer');
      }
      const sentAt = performance.now();
      this.sent++;
      const { body, tag, key, number } = flight;
      const sending = producer.send({ topic, body, tag, shardingKey: key, properties: { number } });
      pending.push(
        sending.then(
          (receipt) => this.#take(i, receipt, sentAt),
          (error: unknown) => this.#refuse(error),
        ),
      );
    }
    await Promise.all(pending);
    await Promise.all(producers.map((producer) => producer.close()));
  }

  #take(i: number, receipt: Receipt, sentAt: number): void {
    const now = performance.now();
    this.acked++;
    this.isAcked[i] = 1;
    this.#places.add(receipt.offset * 1024 + receipt.queueId);
    this.durabilities.add(receipt.durability);
    if (this.#isBack && this.sent - this.acked <= this.#underWayBefore) {
      this.#isBack = false;
      this.#caughtUpAt = now;
    }
    const wasHeldUp = sentAt < this.#caughtUpAt && now > this.#goneAt;
    (wasHeldUp ? this.heldUp : this.steady).recordValue(Math.max(1, Math.round((now - sentAt) * 1000)));
    this.#onAck();
  }

  #refuse(error: unknown): void {
    this.failed++;
    this.firstError ??= error;
  }
}

function microseconds(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });
}
