import { createClient, RESP_TYPES } from 'redis';
import { clockMs } from '../clock.js';
import type { Driver, LoadConsumer, LoadProducer, LoadTopic, OnBody, OnError, SendSink } from '../driver.js';
import { asBuffer, Outstanding } from './outstanding.js';

/** Entries one read brings of each stream, and how long it waits for the first. */
const READ_COUNT = '1000';
const BLOCK_MS = '100';
const FIELD = 'd';

function makeClient(url: string) {
  return createClient({ url, RESP: 2 });
}

type Client = ReturnType<typeof makeClient>;

async function openClient(url: string): Promise<Client> {
  const client = makeClient(url);
  // Without a listener an error would end the process; commands reject all the same.
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Streams: one a queue, written by XADD (the client pipelines what a turn brings), read by XREADGROUP and acked by XACK. */
export async function openRedis(url: string): Promise<Driver> {
  const control = await openClient(url);
  const info = await control.info('server');
  return {
    system: 'redis',
    version: /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown',
    hasWrite: false,
    maxInFlight: 4096,
    createTopic: async (topic, groups) => {
      for (const key of keysOf(topic)) {
        for (const group of groups) {
          await control.sendCommand(['XGROUP', 'CREATE', key, group, '0', 'MKSTREAM']);
        }
      }
    },
    openProducer: async (topic, sink) => new RedisProducer(await openClient(url), keysOf(topic), sink),
    openConsumer: async (topic, group, onBody, onError) =>
      openConsumer(await openClient(url), keysOf(topic), group, onBody, onError),
    close: () => control.close(),
  };
}

function keysOf({ name, queues }: LoadTopic): string[] {
  return Array.from({ length: queues }, (_, queue) => `${name}.${queue}`);
}

class RedisProducer implements LoadProducer {
  readonly #client: Client;
  readonly #keys: readonly string[];
  readonly #sink: SendSink;
  readonly #outstanding = new Outstanding();
  /** By slot, made once. */
  readonly #buffers: Buffer[] = [];
  readonly #onAcked: (() => void)[] = [];
  readonly #onFailed: ((error: unknown) => void)[] = [];
  #queue = 0;

  constructor(client: Client, keys: readonly string[], sink: SendSink) {
    this.#client = client;
    this.#keys = keys;
    this.#sink = sink;
  }

  send(body: Uint8Array, slot: number): void {
    this.#outstanding.add();
    let buffer = this.#buffers[slot];
    if (buffer === undefined) {
      buffer = asBuffer(body);
      this.#buffers[slot] = buffer;
      this.#onAcked[slot] = () => {
        this.#outstanding.remove();
        this.#sink.acked(slot);
      };
      this.#onFailed[slot] = (error) => {
        this.#outstanding.remove();
        this.#sink.failed(slot, error);
      };
    }
    const key = this.#keys[this.#queue] as string;
    this.#queue = (this.#queue + 1) % this.#keys.length;
    this.#client
      .sendCommand(['XADD', key, '*', FIELD, buffer])
      .then(this.#onAcked[slot], this.#onFailed[slot]);
  }

  async flush(): Promise<void> {
    await this.#outstanding.empty();
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

/** As RESP has it: streams, their entries, of each its id and its fields and values. */
type Reading = [key: Buffer, entries: [id: Buffer, fields: Buffer[]][]][] | null;

function openConsumer(
  client: Client,
  keys: readonly string[],
  group: string,
  onBody: OnBody,
  onError: OnError,
): LoadConsumer {
  const member = `member-${process.pid}-${Math.random().toString(36).slice(2)}`;
  const read = ['XREADGROUP', 'GROUP', group, member, 'COUNT', READ_COUNT, 'BLOCK', BLOCK_MS, 'STREAMS'];
  read.push(...keys, ...keys.map(() => '>'));
  const asBuffers = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };
  let isClosing = false;
  const loop = async (): Promise<void> => {
    while (!isClosing) {
      const reading = (await client.sendCommand(read, asBuffers)) as unknown as Reading;
      const receivedMs = clockMs();
      for (const [key, entries] of reading ?? []) {
        const ids: Buffer[] = [];
        for (const [id, fields] of entries) {
          if (fields[1] !== undefined) {
            onBody(fields[1], receivedMs);
          }
          ids.push(id);
        }
        // It goes out before the next read, on the same connection.
        client.sendCommand(['XACK', key, group, ...ids]).catch(onError);
      }
    }
  };
  const reading = loop().catch((error: unknown) => {
    if (!isClosing) {
      onError(error);
    }
  });
  return {
    close: async () => {
      isClosing = true;
      await reading;
      await client.close();
    },
  };
}
