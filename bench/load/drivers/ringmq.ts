import { readFileSync } from 'node:fs';
import {
  type Client,
  connect,
  type OutgoingMessage,
  type Producer,
} from '../../../native-free/client/index.js';
import { isRingMQError, RECORD_HEADER_BYTES } from '../../../native-free/wire/index.js';
import { clockMs } from '../clock.js';
import type { Driver, LoadConsumer, LoadProducer, OnBody, OnError, SendSink } from '../driver.js';

/** Over WebSocket, with the client's defaults. */
export async function openRingMQ(url: string): Promise<Driver> {
  const control = await connect(url, { name: 'bench load' });
  return {
    system: 'ringmq',
    version: packageVersion(),
    flush: control.broker.flush,
    hasWrite: true,
    maxInFlight: 65_536,
    createTopic: async ({ name, queues }) => {
      await control.admin().createTopic({ topic: name, queues });
    },
    openProducer: async (topic, sink) => new RingMQProducer(await connect(url), topic.name, sink),
    openConsumer: async (topic, group, onBody, onError) =>
      openConsumer(await connect(url), topic.name, group, onBody, onError),
    close: () => control.close(),
  };
}

function packageVersion(): string {
  const path = new URL('../../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

class RingMQProducer implements LoadProducer {
  readonly #client: Client;
  readonly #producer: Producer;
  readonly #sink: SendSink;
  readonly #topic: string;
  /** What is written, its body put in at each call: the client copies it. */
  readonly #written: OutgoingMessage;
  #recordBytes = 0;
  /** By slot, made once: no object and no closure for each message. */
  readonly #messages: OutgoingMessage[] = [];
  readonly #onAcked: (() => void)[] = [];
  readonly #onFailed: ((error: unknown) => void)[] = [];

  constructor(client: Client, topic: string, sink: SendSink) {
    this.#client = client;
    this.#topic = topic;
    this.#sink = sink;
    this.#written = { topic, body: null };
    this.#producer = client.producer({
      group: 'bench-load',
      onError: (failure) => sink.failedWritten(failure.numbers.length, failure.error),
    });
  }

  send(body: Uint8Array, slot: number): void {
    this.#recordBytes = RECORD_HEADER_BYTES + body.length;
    let message = this.#messages[slot];
    if (message === undefined) {
      message = { topic: this.#topic, body };
      this.#messages[slot] = message;
      this.#onAcked[slot] = () => this.#sink.acked(slot);
      this.#onFailed[slot] = (error) => this.#sink.failed(slot, error);
    }
    this.#producer.send(message).then(this.#onAcked[slot], this.#onFailed[slot]);
  }

  write(body: Uint8Array): boolean {
    this.#recordBytes = RECORD_HEADER_BYTES + body.length;
    this.#written.body = body;
    return this.#producer.write(this.#written);
  }

  ready(): Promise<void> {
    return this.#producer.ready();
  }

  /** All messages are of one size and have nothing but a body, so the bytes that wait tell how many they are. */
  unsettled(): number {
    return this.#recordBytes === 0 ? 0 : Math.round(this.#producer.bufferedBytes / this.#recordBytes);
  }

  async flush(): Promise<void> {
    await this.#producer.flush().catch((error: unknown) => {
      // Failures of messages were told already.
      if (!isRingMQError(error) || error.details['failedCount'] === undefined) {
        throw error;
      }
    });
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

async function openConsumer(
  client: Client,
  topic: string,
  group: string,
  onBody: OnBody,
  onError: OnError,
): Promise<LoadConsumer> {
  const consumer = client.consumer({ group, topic, from: 'earliest' });
  const read = async (): Promise<void> => {
    for await (const batch of consumer.batches()) {
      const receivedMs = clockMs();
      for (const message of batch) {
        if (message.body !== null) {
          onBody(message.body, receivedMs);
        }
      }
      void batch.ack();
    }
  };
  const reading = read();
  reading.catch(onError);
  await Promise.race([consumer.assigned, reading]);
  return {
    close: async () => {
      await consumer.close();
      await client.close();
    },
  };
}
