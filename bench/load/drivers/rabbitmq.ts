import { type ChannelModel, type ConfirmChannel, connect, type Message } from 'amqplib';
import { clockMs } from '../clock.js';
import type { Driver, LoadConsumer, LoadProducer, LoadTopic, OnBody, OnError, SendSink } from '../driver.js';
import { asBuffer } from './outstanding.js';

const PREFETCH = 2000;
/** Acks are cumulative: one for so many messages, and one for what is left after so long. */
const ACK_EVERY = 256;
const ACK_INTERVAL_MS = 20;
const QUORUM = { durable: true, arguments: { 'x-queue-type': 'quorum' } };
const PERSISTENT = { persistent: true };
/** Small frames must not wait for each other. */
const SOCKET = { noDelay: true };

/**
 * AMQP 0-9-1 with quorum queues and publisher confirms. A topic is a direct exchange with a routing key a
 * queue; each group has queues of its own bound to it.
 */
export async function openRabbitMQ(url: string): Promise<Driver> {
  const control = await connect(url, SOCKET);
  const channel = await control.createChannel();
  return {
    system: 'rabbitmq',
    version: String((control.connection.serverProperties as { version?: unknown }).version ?? 'unknown'),
    hasWrite: false,
    maxInFlight: 2000,
    createTopic: async (topic, groups) => {
      await channel.assertExchange(topic.name, 'direct', { durable: true });
      for (let queue = 0; queue < topic.queues; queue++) {
        for (const group of groups) {
          const name = queueName(topic, group, queue);
          await channel.assertQueue(name, QUORUM);
          await channel.bindQueue(name, topic.name, String(queue));
        }
      }
    },
    openProducer: async (topic, sink) => {
      const connection = await connect(url, SOCKET);
      return new RabbitProducer(connection, await connection.createConfirmChannel(), topic, sink);
    },
    openConsumer: async (topic, group, onBody, onError) => {
      const connection = await connect(url, SOCKET);
      return openConsumer(connection, topic, group, onBody, onError);
    },
    close: () => control.close(),
  };
}

function queueName(topic: LoadTopic, group: string, queue: number): string {
  return `${topic.name}.${group}.${queue}`;
}

class RabbitProducer implements LoadProducer {
  readonly #connection: ChannelModel;
  readonly #channel: ConfirmChannel;
  readonly #topic: string;
  readonly #keys: string[];
  readonly #sink: SendSink;
  /** By slot, made once. */
  readonly #buffers: Buffer[] = [];
  readonly #onConfirm: ((error: unknown) => void)[] = [];
  #queue = 0;

  constructor(connection: ChannelModel, channel: ConfirmChannel, topic: LoadTopic, sink: SendSink) {
    this.#connection = connection;
    this.#channel = channel;
    this.#topic = topic.name;
    this.#keys = Array.from({ length: topic.queues }, (_, queue) => String(queue));
    this.#sink = sink;
  }

  send(body: Uint8Array, slot: number): void {
    let buffer = this.#buffers[slot];
    if (buffer === undefined) {
      buffer = asBuffer(body);
      this.#buffers[slot] = buffer;
      this.#onConfirm[slot] = (error) => {
        if (error === null || error === undefined) {
          this.#sink.acked(slot);
        } else {
          this.#sink.failed(slot, error);
        }
      };
    }
    const key = this.#keys[this.#queue] as string;
    this.#queue = (this.#queue + 1) % this.#keys.length;
    this.#channel.publish(this.#topic, key, buffer, PERSISTENT, this.#onConfirm[slot]);
  }

  async flush(): Promise<void> {
    // It rejects when a message was refused, which was told already.
    await this.#channel.waitForConfirms().catch(() => {});
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

async function openConsumer(
  connection: ChannelModel,
  topic: LoadTopic,
  group: string,
  onBody: OnBody,
  onError: OnError,
): Promise<LoadConsumer> {
  const channel = await connection.createChannel();
  channel.on('error', onError);
  await channel.prefetch(PREFETCH);
  let last: Message | null = null;
  let unacked = 0;
  const ack = (): void => {
    if (last !== null) {
      channel.ack(last, true);
    }
    last = null;
    unacked = 0;
  };
  const timer = setInterval(ack, ACK_INTERVAL_MS);
  for (let queue = 0; queue < topic.queues; queue++) {
    await channel.consume(queueName(topic, group, queue), (message) => {
      if (message === null) {
        onError(new Error('RabbitMQ has cancelled the consumer'));
        return;
      }
      onBody(message.content, clockMs());
      last = message;
      if (++unacked >= ACK_EVERY) {
        ack();
      }
    });
  }
  return {
    close: async () => {
      clearInterval(timer);
      ack();
      await channel.close();
      await connection.close();
    },
  };
}
