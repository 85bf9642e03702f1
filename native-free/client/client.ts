/** The client: one connection and all that was opened on it. */
import { RingMQError } from '../wire/index.js';
import { abortable } from './abort.js';
import { ControlAdmin } from './admin.js';
import { GroupConsumer } from './consume/consumer.js';
import { Connection } from './link/connection.js';
import { callbackOption, checkCallOptions, numberOption, signalOption, textOption } from './options.js';
import { type ProducerOwner, RingProducer } from './produce/producer.js';
import { TopicCache } from './produce/topic-cache.js';
import type {
  Admin,
  BrokerInfo,
  CallOptions,
  Client,
  ClientOptions,
  Consumer,
  ConsumerOptions,
  LinkFactory,
  Producer,
  ProducerOptions,
} from './types.js';
import { WeakBag } from './weak-bag.js';

export class LinkClient implements Client, ProducerOwner {
  readonly #connection: Connection;
  readonly #topics: TopicCache;
  /** Those that are forgotten without being closed go: a program may make one for each request. What is at work is held by the connection. */
  readonly #producers = new WeakBag<RingProducer>();
  readonly #consumers = new WeakBag<GroupConsumer>();
  /** Producers with failures of written messages that nobody was told of: `close` tells. */
  readonly #untold = new Set<RingProducer>();
  #closed: Promise<void> | null = null;

  readonly #onClosed: (() => void | Promise<void>) | undefined;

  constructor(connection: Connection, onClosed?: () => void | Promise<void>) {
    this.#connection = connection;
    this.#onClosed = onClosed;
    this.#topics = new TopicCache(connection.requests);
  }

  get broker(): BrokerInfo {
    const { brokerId, brokerName, flush, listener } = this.#connection.welcome;
    return { brokerId, brokerName, flush, listener };
  }

  get connected(): boolean {
    return this.#connection.isOpen;
  }

  producer(options: ProducerOptions = {}): Producer {
    this.#checkOpen();
    const producer = new RingProducer(this.#connection, this.#topics, options, this);
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
    const consumer = new GroupConsumer(this.#connection, options, (closed) => this.#consumers.delete(closed));
    this.#consumers.add(consumer);
    return consumer;
  }

  admin(): Admin {
    return new ControlAdmin(this.#connection.requests);
  }

  close(options?: CallOptions): Promise<void> {
    try {
      checkCallOptions('close', options);
    } catch (error) {
      return Promise.reject(error);
    }
    const isInside = this.#consumers.all().some((consumer) => consumer.isInsideHandler);
    this.#closed ??= this.#close(options?.signal);
    if (!isInside) {
      return this.#closed;
    }
    // The handler this is called from is to return first. What fails after that its `run` tells, or the next close.
    this.#closed.catch(() => {});
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    const all = Promise.allSettled([
      ...this.#producers.all().map((producer) => producer.close({ signal })),
      ...this.#consumers.all().map((consumer) => consumer.finish()),
    ]);
    try {
      const failed = (await abortable(all, signal)).find((result) => result.status === 'rejected');
      if (failed !== undefined) {
        throw failed.reason;
      }
    } finally {
      this.#connection.close(new RingMQError('CLOSED', 'the client is closed'));
      await this.#onClosed?.();
    }
  }

  #checkOpen(): void {
    if (this.#closed !== null) {
      throw new RingMQError('CLOSED', 'the client is closed');
    }
    if (this.#connection.failure !== null) {
      throw this.#connection.failure;
    }
  }
}

/** What only those who make links themselves say. */
interface LinkClientOptions extends ClientOptions {
  signal?: AbortSignal | undefined;
  /** Called once, when the client has been closed. */
  onClosed?: (() => void | Promise<void>) | undefined;
}

/**
 * A client over links of any kind. Rejects with `CONNECT_FAILED` when the first link cannot be had, with what the broker says when it
 * refuses, with `ABORTED`, or with `BAD_ARGUMENT`.
 */
export async function createClient(factory: LinkFactory, options: LinkClientOptions = {}): Promise<Client> {
  const connection = makeConnection(factory, options);
  await connection.open(options.signal);
  return new LinkClient(connection, options.onClosed);
}

/**
 * The same without waiting: for links inside one process, which are there at once and bring the welcome within the hello, so that
 * the client is connected when this returns. Should the link fail, the client is closed with the reason.
 */
export function startClient(factory: LinkFactory, options: LinkClientOptions = {}): Client {
  const connection = makeConnection(factory, options);
  // The failure is the connection's: everything asked of the client from then on rejects with it.
  connection.open(options.signal).catch(() => undefined);
  return new LinkClient(connection, options.onClosed);
}

function makeConnection(factory: LinkFactory, options: LinkClientOptions): Connection {
  const { connectTimeoutMs, requestTimeoutMs, pingIntervalMs, reconnectMinMs, reconnectMaxMs } = options;
  callbackOption('onConnection', options.onConnection);
  callbackOption('onWarning', options.onWarning);
  signalOption(options.signal);
  return new Connection(factory, {
    ...options,
    name: textOption('name', options.name, 127),
    connectTimeoutMs: numberOption('connectTimeoutMs', connectTimeoutMs, 10_000, 1, 3_600_000),
    requestTimeoutMs: numberOption('requestTimeoutMs', requestTimeoutMs, 30_000, 1, 3_600_000),
    pingIntervalMs: numberOption('pingIntervalMs', pingIntervalMs, 15_000, 0, 3_600_000),
    reconnectMinMs: numberOption('reconnectMinMs', reconnectMinMs, 50, 1, 3_600_000),
    reconnectMaxMs: numberOption('reconnectMaxMs', reconnectMaxMs, 5_000, 1, 3_600_000),
  });
}
