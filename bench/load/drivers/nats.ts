import {
  AckPolicy,
  DeliverPolicy,
  type JetStreamClient,
  type JsMsg,
  jetstream,
  jetstreamManager,
  StorageType,
} from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { clockMs } from '../clock.js';
import type { Driver, LoadConsumer, LoadProducer, LoadTopic, OnBody, OnError, SendSink } from '../driver.js';
import { Outstanding } from './outstanding.js';

const PULL_MESSAGES = 4096;
/** Acks are cumulative: one for so many messages, and one for what is left after so long. */
const ACK_EVERY = 256;
const ACK_INTERVAL_MS = 100;

/** JetStream: a file stream a topic, a subject a queue, a durable pull consumer a group; messages are published asynchronously. */
export async function openNats(url: string): Promise<Driver> {
  const control = await connect({ servers: url });
  const manager = await jetstreamManager(control);
  return {
    system: 'nats',
    version: control.info?.version ?? 'unknown',
    hasWrite: false,
    maxInFlight: 4096,
    createTopic: async ({ name }, groups) => {
      await manager.streams.add({ name, subjects: [`${name}.*`], storage: StorageType.File });
      for (const group of groups) {
        await manager.consumers.add(name, {
          durable_name: group,
          ack_policy: AckPolicy.All,
          deliver_policy: DeliverPolicy.All,
          max_ack_pending: 1_000_000,
        });
      }
    },
    openProducer: async (topic, sink) => new NatsProducer(await connect({ servers: url }), topic, sink),
    openConsumer: async (topic, group, onBody, onError) =>
      openConsumer(await connect({ servers: url }), topic.name, group, onBody, onError),
    close: () => control.close(),
  };
}

class NatsProducer implements LoadProducer {
  readonly #connection: NatsConnection;
  readonly #stream: JetStreamClient;
  readonly #sink: SendSink;
  readonly #subjects: string[];
  readonly #outstanding = new Outstanding();
  /** By slot, made once. */
  readonly #onAcked: (() => void)[] = [];
  readonly #onFailed: ((error: unknown) => void)[] = [];
  #queue = 0;

  constructor(connection: NatsConnection, { name, queues }: LoadTopic, sink: SendSink) {
    this.#connection = connection;
    this.#stream = jetstream(connection);
    this.#sink = sink;
    this.#subjects = Array.from({ length: queues }, (_, queue) => `${name}.${queue}`);
  }

  send(body: Uint8Array, slot: number): void {
    this.#outstanding.add();
    if (this.#onAcked[slot] === undefined) {
      this.#onAcked[slot] = () => {
        this.#outstanding.remove();
        this.#sink.acked(slot);
      };
      this.#onFailed[slot] = (error) => {
        this.#outstanding.remove();
        this.#sink.failed(slot, error);
      };
    }
    const subject = this.#subjects[this.#queue] as string;
    this.#queue = (this.#queue + 1) % this.#subjects.length;
    this.#stream.publish(subject, body).then(this.#onAcked[slot], this.#onFailed[slot]);
  }

  async flush(): Promise<void> {
    await this.#outstanding.empty();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

async function openConsumer(
  connection: NatsConnection,
  topic: string,
  group: string,
  onBody: OnBody,
  onError: OnError,
): Promise<LoadConsumer> {
  const consumer = await jetstream(connection).consumers.get(topic, group);
  let last: JsMsg | null = null;
  let unacked = 0;
  const ack = (): void => {
    last?.ack();
    last = null;
    unacked = 0;
  };
  const messages = await consumer.consume({
    max_messages: PULL_MESSAGES,
    callback: (message) => {
      onBody(message.data, clockMs());
      last = message;
      if (++unacked >= ACK_EVERY) {
        ack();
      }
    },
  });
  messages.closed().then((error) => {
    if (error !== undefined) {
      onError(error);
    }
  }, onError);
  const timer = setInterval(ack, ACK_INTERVAL_MS);
  return {
    close: async () => {
      clearInterval(timer);
      ack();
      await messages.close();
      await connection.close();
    },
  };
}
