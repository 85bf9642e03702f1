/** Brokers with everything small, and the few things that tests of faults do with them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type Broker, openBroker } from '../../broker/index.js';
import type { EngineOptions } from '../../engine/options.js';
import type { Client, ConsumedMessage, Producer } from '../../native-free/client/index.js';
import { isRingMQError, type RingMQError } from '../../native-free/wire/index.js';

const KIB = 1024;

/** Segments of four spans, so that a few hundred messages fill several. */
export const SMALL = {
  ringBytes: 128 * KIB,
  memoryRingBytes: 128 * KIB,
  spanBytes: 16 * KIB,
  segmentBytes: 64 * KIB,
  checkpointBytes: 64 * KIB,
  minFreeBytes: 0,
  retentionMs: 0,
  maxQueues: 64,
  maxThreads: 8,
} as const satisfies EngineOptions;

export interface Warning {
  message: string;
  details: Record<string, unknown>;
}

/** A broker in this process, and what it has said. */
export interface SmallBroker {
  broker: Broker;
  client: Client;
  warnings: Warning[];
  close(): Promise<void>;
}

export async function openSmall(dataDir: string, options: EngineOptions = {}): Promise<SmallBroker> {
  const warnings: Warning[] = [];
  const broker = await openBroker({
    ...SMALL,
    dataDir,
    ...options,
    onWarning: (message, details) => {
      // How long a turn took is of the machine.
      if (!message.includes(' held its thread for ')) {
        warnings.push({ message, details });
      }
    },
  });
  return { broker, client: broker.client(), warnings, close: () => broker.close() };
}

/** Runs `work` with a broker that is closed afterwards whatever happens. */
export async function withBroker<T>(
  dataDir: string,
  work: (small: SmallBroker) => Promise<T>,
  options: EngineOptions = {},
): Promise<T> {
  const small = await openSmall(dataDir, options);
  try {
    return await work(small);
  } finally {
    await small.close();
  }
}

/** A body whose number can be read, of a given size. */
export function bodyOf(number: number, bytes = 1000): string {
  return `${number} `.padEnd(bytes, '.');
}

export function numberOf(message: ConsumedMessage): number {
  return Number.parseInt(message.text(), 10);
}

/** Batches small enough for the spans of {@link SMALL}. */
export function smallProducer(client: Client, sendTimeoutMs = 100_000): Producer {
  return client.producer({ batchBytes: 4 * KIB, sendTimeoutMs });
}

/** Sends messages number `from` to `to` - 1 to one queue and waits for all acks. */
export async function sendNumbers(
  client: Client,
  topic: string,
  from: number,
  to: number,
  queueId = 0,
): Promise<void> {
  const producer = smallProducer(client);
  for (let number = from; number < to; number++) {
    if (!producer.write({ topic, body: bodyOf(number) }, { queueId })) {
      await producer.ready();
    }
  }
  await producer.close();
}

/** Reads `count` messages of a topic in a fresh group, acks them. */
export async function readSome(
  client: Client,
  topic: string,
  count: number,
  group = `g-${Math.random().toString(36).slice(2)}`,
): Promise<ConsumedMessage[]> {
  const messages: ConsumedMessage[] = [];
  if (count === 0) {
    return messages;
  }
  const consumer = client.consumer({ group, topic });
  for await (const message of consumer) {
    messages.push(message);
    await message.ack();
    if (messages.length === count) {
      break;
    }
  }
  await consumer.close();
  return messages;
}

/** Reads on from where a topic of one queue begins to its message at `lastOffset`, in a fresh group. */
export async function readTo(client: Client, topic: string, lastOffset: number): Promise<ConsumedMessage[]> {
  const messages: ConsumedMessage[] = [];
  const group = `g-${Math.random().toString(36).slice(2)}`;
  for await (const message of client.consumer({ group, topic })) {
    messages.push(message);
    if (message.offset >= lastOffset) {
      break;
    }
  }
  return messages;
}

/** The error a promise rejects with, which must be one of ours. */
export async function failureOf(promise: Promise<unknown>): Promise<RingMQError> {
  try {
    await promise;
  } catch (error) {
    if (isRingMQError(error)) {
      return error;
    }
    throw error;
  }
  throw new Error('it did not fail');
}

export function makeDirectory(): string {
  return mkdtempSync(`${tmpdir()}/ringmq-faults-`);
}

export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
