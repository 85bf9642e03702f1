import { Kafka, logLevel, type Message, type Producer } from 'kafkajs';
import { clockMs } from '../clock.js';
import type { Driver, LoadConsumer, LoadProducer, LoadTopic, OnBody, OnError, SendSink } from '../driver.js';
import { asBuffer, Outstanding } from './outstanding.js';

/** Requests a producer has under way, as Kafka's own client has; what comes meanwhile shares the next one. */
const MAX_REQUESTS = 5;
const MAX_MESSAGES_A_REQUEST = 4096;

/** kafkajs with acks=1. It batches nothing by itself, so the driver gathers what a turn of the event loop brings. */
export async function openKafka(url: string): Promise<Driver> {
  const broker = url.replace(/^kafka:\/\//, '');
  const kafka = new Kafka({ clientId: 'bench-load', brokers: [broker], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  return {
    system: 'kafka',
    version: 'unknown',
    hasWrite: false,
    maxInFlight: 16_384,
    createTopic: async ({ name, queues }) => {
      const topics = [{ topic: name, numPartitions: queues, replicationFactor: 1 }];
      await admin.createTopics({ topics, waitForLeaders: true, timeout: 60_000 });
    },
    openProducer: (topic, sink) => openProducer(kafka, topic, sink),
    openConsumer: (topic, group, onBody, onError) => openConsumer(kafka, topic.name, group, onBody, onError),
    close: () => admin.disconnect(),
  };
}

async function openProducer(kafka: Kafka, topic: LoadTopic, sink: SendSink): Promise<LoadProducer> {
  // The partition is always given, so none is ever chosen.
  const producer = kafka.producer({ allowAutoTopicCreation: false, createPartitioner: () => () => 0 });
  await producer.connect();
  return new KafkaProducer(producer, topic, sink);
}

class KafkaProducer implements LoadProducer {
  readonly #producer: Producer;
  readonly #topic: string;
  readonly #partitions: number;
  readonly #sink: SendSink;
  readonly #outstanding = new Outstanding();
  #messages: Message[] = [];
  #slots: number[] = [];
  #requests = 0;
  #isScheduled = false;
  /** One partition a request, the next one each time, as Kafka's own client does without a key. */
  #partition = 0;

  constructor(producer: Producer, topic: LoadTopic, sink: SendSink) {
    this.#producer = producer;
    this.#topic = topic.name;
    this.#partitions = topic.queues;
    this.#sink = sink;
  }

  send(body: Uint8Array, slot: number): void {
    this.#outstanding.add();
    this.#messages.push({ value: asBuffer(body) });
    this.#slots.push(slot);
    if (this.#messages.length >= MAX_MESSAGES_A_REQUEST) {
      this.#request();
    } else if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#onTurnEnd);
    }
  }

  async flush(): Promise<void> {
    await this.#outstanding.empty();
  }

  close(): Promise<void> {
    return this.#producer.disconnect();
  }

  readonly #onTurnEnd = (): void => {
    this.#isScheduled = false;
    this.#request();
  };

  #request(): void {
    if (this.#messages.length === 0 || this.#requests >= MAX_REQUESTS) {
      return;
    }
    const messages = this.#messages.splice(0, MAX_MESSAGES_A_REQUEST);
    const slots = this.#slots.splice(0, MAX_MESSAGES_A_REQUEST);
    const partition = this.#partition;
    this.#partition = (partition + 1) % this.#partitions;
    for (const message of messages) {
      message.partition = partition;
    }
    this.#requests++;
    this.#producer.send({ topic: this.#topic, acks: 1, messages }).then(
      () => this.#settle(slots, null),
      (error: unknown) => this.#settle(slots, error),
    );
  }

  #settle(slots: readonly number[], error: unknown): void {
    this.#requests--;
    for (const slot of slots) {
      if (error === null) {
        this.#sink.acked(slot);
      } else {
        this.#sink.failed(slot, error);
      }
    }
    this.#outstanding.remove(slots.length);
    this.#request();
  }
}

async function openConsumer(
  kafka: Kafka,
  topic: string,
  group: string,
  onBody: OnBody,
  onError: OnError,
): Promise<LoadConsumer> {
  const consumer = kafka.consumer({ groupId: group, allowAutoTopicCreation: false });
  const hasJoined = new Promise<void>((resolve) => {
    consumer.on(consumer.events.GROUP_JOIN, () => resolve());
  });
  const hasCrashed = new Promise<never>((_resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      onError(payload.error);
      reject(payload.error);
    });
  });
  hasCrashed.catch(() => {});
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommitInterval: 1000,
    partitionsConsumedConcurrently: 4,
    eachBatch: async ({ batch }) => {
      const receivedMs = clockMs();
      for (const { value } of batch.messages) {
        if (value !== null) {
          onBody(value, receivedMs);
        }
      }
    },
  });
  await Promise.race([hasJoined, hasCrashed]);
  return { close: () => consumer.disconnect() };
}
