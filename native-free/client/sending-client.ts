/**
 * A client that sends and administers: a broker or a cluster, and all that was opened on it. A page that reads
 * nothing as a member of a group has no need to load what does.
 */
import { clearTimeout, monotonicMs, setTimeout } from '../time/index.js';
import { isRingMQError, RingMQError } from '../wire/index.js';
import { abortable, whenAborted } from './abort.js';
import type { Brokers } from './brokers.js';
import { badArgument, closeWith } from './options.js';
import { type ProducerOwner, RingProducer } from './produce/producer.js';
import type { ChosenId } from './produce/producer-ids.js';
import { INSPECT, shown } from './shown.js';
import type { Admin, BrokerInfo, CallOptions, Client, Producer, ProducerOptions } from './types.js';
import { WeakBag } from './weak-bag.js';

/** Between two looks whether there is a connection. */
const MIN_LOOK_MS = 100;

/** What a client that reads has open. */
interface Reader {
  /** It waits for what calls it. */
  readonly isInsideHandler: boolean;
  finish(): Promise<void>;
}

/** What both kinds of clients have; what reads is left to {@link LinkClient}. */
export class SendingClient implements ProducerOwner {
  /** Whom it talks to: for {@link brokersOf}, not for users. */
  readonly brokers: Brokers;
  /**
   * Those that are forgotten without being closed go: a program may make one for each request. What is at
   * work is held by the connection.
   */
  readonly #producers = new WeakBag<RingProducer>();
  /** Producers with failures of written messages that nobody was told of: `close` tells. */
  readonly #untold = new Set<RingProducer>();
  #closed: Promise<void> | null = null;

  readonly #onClosed: (() => void | Promise<void>) | undefined;

  constructor(brokers: Brokers, onClosed?: () => void | Promise<void>) {
    this.brokers = brokers;
    brokers.watch((topic) => {
      for (const producer of this.#producers.all()) {
        producer.onBrokersChanged(topic);
      }
    });
    this.#onClosed = onClosed;
  }

  get broker(): BrokerInfo {
    return this.brokers.info;
  }

  get connected(): boolean {
    return this.brokers.isConnected;
  }

  producer(options: ProducerOptions = {}): Producer {
    return this.makeProducer(options);
  }

  protected makeProducer(options: ProducerOptions, id?: ChosenId): Producer {
    this.checkOpen();
    const producer = new RingProducer(this.brokers, options, this, id);
    this.#producers.add(producer);
    return producer;
  }

  onUntold(producer: RingProducer, hasFailures: boolean): void {
    if (hasFailures) {
      this.#untold.add(producer);
    } else {
      this.#untold.delete(producer);
    }
  }

  onProducerClosed(producer: RingProducer): void {
    this.#producers.delete(producer);
    this.#untold.delete(producer);
  }

  admin(): Admin {
    return this.brokers.admin();
  }

  close(options?: CallOptions): Promise<void> {
    const isInside = this.readers().some((reader) => reader.isInsideHandler);
    return closeWith(options, ({ signal }) => {
      this.#closed ??= this.#close(signal);
      if (!isInside) {
        return this.#closed;
      }
      // The handler this is called from is to return first. What fails after that its `run` tells, or the next
      // close.
      this.#closed.catch(() => {});
      return Promise.resolve();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    const stop = new AbortController();
    const giveUp = () => stop.abort(signal?.reason);
    const unwatch = whenAborted(signal, giveUp);
    if (signal?.aborted) {
      giveUp();
    }
    const patience = this.#patience(stop);
    const all = Promise.allSettled([
      ...this.#producers.all().map((producer) => producer.close({ signal: stop.signal })),
      ...this.readers().map((reader) => reader.finish()),
    ]);
    try {
      const failed = (await abortable(all, stop.signal)).find((result) => result.status === 'rejected');
      if (failed !== undefined) {
        throw failed.reason;
      }
    } catch (error) {
      const { reason } = stop.signal;
      throw isRingMQError(reason) && reason.code === 'TIMEOUT' && signal?.aborted !== true ? reason : error;
    } finally {
      clearTimeout(patience.timer);
      unwatch();
      this.brokers.close(new RingMQError('CLOSED', 'the client is closed'));
      await this.#onClosed?.();
    }
  }

  /** Ends the waiting of `close` when there has been no connection for as long as it may wait for one. */
  #patience(stop: AbortController): { timer: ReturnType<typeof setTimeout> | undefined } {
    const waitMs = this.brokers.closeTimeoutMs;
    const start = monotonicMs();
    const patience: { timer: ReturnType<typeof setTimeout> | undefined } = { timer: undefined };
    const look = () => {
      const leftMs = Math.max(start, this.brokers.lostAt) + waitMs - monotonicMs();
      if (leftMs <= 0) {
        stop.abort(
          new RingMQError(
            'TIMEOUT',
            `closed without the broker, which could not be reached for ${waitMs} ms (closeTimeoutMs)`,
          ),
        );
      } else {
        // While there is a connection there is no end of it.
        patience.timer = setTimeout(look, Math.max(MIN_LOOK_MS, Math.min(leftMs, waitMs)));
      }
    };
    patience.timer = setTimeout(look, waitMs);
    return patience;
  }

  /** Those that are open. */
  protected readers(): readonly Reader[] {
    return [];
  }

  protected checkOpen(): void {
    if (this.#closed !== null) {
      throw new RingMQError('CLOSED', 'the client is closed');
    }
    if (this.brokers.failure !== null) {
      throw this.brokers.failure;
    }
  }

  [INSPECT](): object {
    return shown('Client', {
      broker: this.brokers.info.brokerName,
      connected: this.connected,
      producers: this.#producers.size,
      consumers: this.readers().length,
      closed: this.#closed !== null,
    });
  }
}

/** Whom a client talks to, for what asks each broker by itself. Throws `BAD_ARGUMENT` for what is no client of this library. */
export function brokersOf(client: Client | SendingClient): Brokers {
  if (!(client instanceof SendingClient)) {
    throw badArgument('client', 'must be what connect() or broker.client() gave');
  }
  return client.brokers;
}
