/** The client: what sends and administers, and what reads. */
import { OneBroker } from './brokers.js';
import { GroupConsumer } from './consume/consumer.js';
import { get, peek } from './consume/peek.js';
import type { Connection } from './link/connection.js';
import type { LinkFactory } from './link/link.js';
import { makeConnection } from './make-connection.js';
import type { ChosenId } from './produce/producer-ids.js';
import { SendingClient } from './sending-client.js';
import type {
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

export class LinkClient extends SendingClient implements Client {
  readonly #consumers = new WeakBag<GroupConsumer>();

  consumer(options: ConsumerOptions): Consumer {
    this.checkOpen();
    const consumer = new GroupConsumer(this.brokers, options, (closed) => this.#consumers.delete(closed));
    this.#consumers.add(consumer);
    return consumer;
  }

  async peek(request: PeekRequest, options?: CallOptions): Promise<ConsumedMessage[]> {
    this.checkOpen();
    return peek(this.brokers, request, options);
  }

  async get(request: GetRequest, options?: CallOptions): Promise<ConsumedMessage | null> {
    this.checkOpen();
    return get(this.brokers, request, options);
  }

  protected override readers(): readonly GroupConsumer[] {
    return this.#consumers.all();
  }
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

  /** A producer of one message, under an id and a sequence that somebody else has chosen. */
  producerAs(id: ChosenId, options: ProducerOptions): Producer {
    return this.makeProducer(options, id);
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
