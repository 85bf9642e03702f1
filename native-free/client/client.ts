/** The client: a broker or a cluster, and all that was opened on it. */
import { clearTimeout, monotonicMs, setTimeout } from '../time/index.js';
import { isRingMQError, RingMQError } from '../wire/index.js';
import { abortable, whenAborted } from './abort.js';
import { type Brokers, OneBroker } from './brokers.js';
import { GroupConsumer } from './consume/consumer.js';
import { get, peek } from './consume/peek.js';
import type { Connection } from './link/connection.js';
import type { LinkFactory } from './link/link.js';
import { makeConnection } from './make-connection.js';
import { badArgument, takeCallOptions } from './options.js';
import { type ProducerOwner, RingProducer } from './produce/producer.js';
import type { ChosenId } from './produce/producer-ids.js';
import { INSPECT, shown } from './shown.js';
import type {
  Admin,
  BrokerInfo,
  CallOptions,
  Client,
  ClientOptions,
  ConsumedMessage,
  Consumer,
  ConsumerOptions,
  GetRequest,
  PeekRequest,
  Producer,
  ProducerOptions,
} from './types.js';
import { WeakBag } from './weak-bag.js';

/** Between two looks whether there is a connection. */
const MIN_LOOK_MS = 100;

export class LinkClient implements Client, ProducerOwner {
  readonly #brokers: Brokers;
  /**
   * Those that are forgotten without being closed go: a program may make one for each request. What is at
   * work is held by the connection.
   */
  readonly #producers = new WeakBag<RingProducer>();
  readonly #consumers = new WeakBag<GroupConsumer>();
  /** Producers with failures of written messages that nobody was told of: `close` tells. */
  readonly #untold = new Set<RingProducer>();
  #closed: Promise<void> | null = null;

  readonly #onClosed: (() => void | Promise<void>) | undefined;

  constructor(brokers: Brokers, onClosed?: () => void | Promise<void>) {
    this.#brokers = brokers;
    brokers.watch((topic) => {
      for (const producer of this.#producers.all()) {
        producer.onBrokersChanged(topic);
      }
    });
    this.#onClosed = onClosed;
  }

  /** What is behind a client of this class. */
  static brokersOf(client: LinkClient): Brokers {
    return client.#brokers;
  }

  /** A producer of one message, under an id and a sequence that somebody else has chosen. */
  static producerAs(client: LinkClient, id: ChosenId, options: ProducerOptions): Producer {
    client.#checkOpen();
    const producer = new RingProducer(client.#brokers, options, client, id);
    client.#producers.add(producer);
    return producer;
  }

  get broker(): BrokerInfo {
    return this.#brokers.info;
  }

  get connected(): boolean {
    return this.#brokers.isConnected;
  }

  producer(options: ProducerOptions = {}): Producer {
    this.#checkOpen();
    const producer = new RingProducer(this.#brokers, options, this);
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

  consumer(options: ConsumerOptions): Consumer {
    this.#checkOpen();
    const consumer = new GroupConsumer(this.#brokers, options, (closed) => this.#consumers.delete(closed));
    this.#consumers.add(consumer);
    return consumer;
  }

  async peek(request: PeekRequest, options?: CallOptions): Promise<ConsumedMessage[]> {
    this.#checkOpen();
    return peek(this.#brokers, request, options);
  }

  async get(request: GetRequest, options?: CallOptions): Promise<ConsumedMessage | null> {
    this.#checkOpen();
    return get(this.#brokers, request, options);
  }

  admin(): Admin {
    return this.#brokers.admin();
  }

  close(options?: CallOptions): Promise<void> {
    let signal: AbortSignal | undefined;
    try {
      ({ signal } = takeCallOptions('close', options));
    } catch (error) {
      return Promise.reject(error);
    }
    const isInside = this.#consumers.all().some((consumer) => consumer.isInsideHandler);
    this.#closed ??= this.#close(signal);
    if (!isInside) {
      return this.#closed;
    }
    // The handler this is called from is to return first. What fails after that its `run` tells, or the next
    // close.
    this.#closed.catch(() => {});
    return Promise.resolve();
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
      ...this.#consumers.all().map((consumer) => consumer.finish()),
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
      this.#brokers.close(new RingMQError('CLOSED', 'the client is closed'));
      await this.#onClosed?.();
    }
  }

  /** Ends the waiting of `close` when there has been no connection for as long as it may wait for one. */
  #patience(stop: AbortController): { timer: ReturnType<typeof setTimeout> | undefined } {
    const waitMs = this.#brokers.closeTimeoutMs;
    const start = monotonicMs();
    const patience: { timer: ReturnType<typeof setTimeout> | undefined } = { timer: undefined };
    const look = () => {
      const leftMs = Math.max(start, this.#brokers.lostAt) + waitMs - monotonicMs();
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

  #checkOpen(): void {
    if (this.#closed !== null) {
      throw new RingMQError('CLOSED', 'the client is closed');
    }
    if (this.#brokers.failure !== null) {
      throw this.#brokers.failure;
    }
  }

  [INSPECT](): object {
    return shown('Client', {
      broker: this.#brokers.info.brokerName,
      connected: this.connected,
      producers: this.#producers.size,
      consumers: this.#consumers.size,
      closed: this.#closed !== null,
    });
  }
}

/** Whom a client talks to, for what asks each broker by itself. Throws `BAD_ARGUMENT` for what is no client of this library. */
export function brokersOf(client: Client): Brokers {
  if (!(client instanceof LinkClient)) {
    throw badArgument('client', 'must be what connect() or broker.client() gave');
  }
  return LinkClient.brokersOf(client);
}

/** What only those who make links themselves say. */
interface LinkClientOptions extends ClientOptions {
  signal?: AbortSignal | undefined;
  /** Called once, when the client has been closed. */
  onClosed?: (() => void | Promise<void>) | undefined;
}

/** One whose connection is at hand, for who asks methods by their names. It is connected at once, as {@link startClient}'s. */
export class LinkedClient extends LinkClient {
  readonly connection: Connection;

  constructor(factory: LinkFactory, options: LinkClientOptions = {}) {
    const connection = makeConnection(factory, options);
    super(new OneBroker(connection), options.onClosed);
    this.connection = connection;
    connection.open(options.signal).catch(() => undefined);
  }

  /** It has its connection, and nothing ended it. */
  get isUsable(): boolean {
    return this.connection.isOpen && this.connection.failure === null;
  }
}

/**
 * A client over links of any kind. Rejects with `CONNECT_FAILED` when the first link cannot be had, with what
 * the broker says when it refuses, with `ABORTED`, or with `BAD_ARGUMENT`.
 */
export async function createClient(factory: LinkFactory, options: LinkClientOptions = {}): Promise<Client> {
  const connection = makeConnection(factory, options);
  await connection.open(options.signal);
  return new LinkClient(new OneBroker(connection), options.onClosed);
}

/**
 * The same without waiting: for links inside one process, which are there at once and bring the welcome
 * within the hello, so that the client is connected when this returns. Should the link fail, the client is
 * closed with the reason.
 */
export function startClient(factory: LinkFactory, options: LinkClientOptions = {}): Client {
  const connection = makeConnection(factory, options);
  // The failure is the connection's: everything asked of the client from then on rejects with it.
  connection.open(options.signal).catch(() => undefined);
  return new LinkClient(new OneBroker(connection), options.onClosed);
}
