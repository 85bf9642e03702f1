/** What uses a cluster while it is in trouble: producers and a consumer that note all that they are told. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, ConsumedMessage, Consumer } from '../../native-free/client/index.js';
import { ask } from '../../native-free/client/internal.js';
import { type GroupDescription, isRingMQError, type SetStanding } from '../../native-free/wire/index.js';
import type { History, Sighting } from './history.js';

const KEYS = ['k0', 'k1', 'k2', 'k3'];
const GROUP = 'readers';
const COMMIT_MS = 200;
const LOOK_MS = 20_000;
/** What comes of more than was acked has come by then. */
const QUIET_MS = 5_000;
/** Nothing comes any more, however busy the machine. */
const SURELY_READ_MS = 30_000;
const POLL_MS = 500;

/** Where a message lies. */
export function placeOf(message: ConsumedMessage, by: string): Sighting {
  const { queueId, offset } = message;
  return { id: message.text(), set: message.brokerSet ?? '', queueId, offset, by };
}

export class Work {
  readonly #client: Client;
  readonly #topic: string;
  readonly #history: History;
  readonly #producing: Promise<unknown>;
  readonly #consumer: Consumer;
  readonly #reading: Promise<void>;
  readonly #committing: Promise<void>;
  /** By queue: the highest that was answered for. */
  readonly #committed = new Map<string, number>();
  #isProducing = true;
  #isCommitting = true;

  constructor(client: Client, topic: string, history: History) {
    this.#client = client;
    this.#topic = topic;
    this.#history = history;
    this.#producing = Promise.all(['p0', 'p1'].map((name) => this.#produce(name)));
    this.#consumer = client.consumer({ group: GROUP, topic, from: 'earliest' });
    this.#reading = this.#consume();
    this.#committing = this.#commit();
  }

  async #produce(name: string): Promise<void> {
    const producer = this.#client.producer({ sendTimeoutMs: 120_000 });
    for (let number = 0; this.#isProducing; number++) {
      const batch = KEYS.map(async (key) => {
        const id = `${name}:${key}:${number}`;
        this.#history.attempted({ id, producer: name, key, number });
        try {
          const receipt = await producer.send({ topic: this.#topic, body: id, shardingKey: key });
          const { brokerSet, queueId, offset } = receipt;
          this.#history.receipts.push({ id, set: brokerSet ?? '', queueId, offset, by: `producer ${name}` });
        } catch {
          this.#history.failed.add(id);
        }
      });
      await Promise.all(batch);
      await delay(5);
    }
    await producer.close().catch(() => {});
  }

  async #consume(): Promise<void> {
    for await (const message of this.#consumer) {
      this.#history.deliveries.push(placeOf(message, 'consumer'));
      await message.ack();
    }
  }

  async #commit(): Promise<void> {
    while (this.#isCommitting) {
      await delay(COMMIT_MS);
      const positions = this.#consumer.position();
      const isCommitted = await this.#consumer.commit({ signal: AbortSignal.timeout(5_000) }).then(
        () => true,
        () => false,
      );
      for (const { brokerSet, queueId, doneOffset } of isCommitted ? positions : []) {
        const queue = `${brokerSet}/${queueId}`;
        if (doneOffset > (this.#committed.get(queue) ?? 0)) {
          this.#committed.set(queue, doneOffset);
          this.#history.commits.push({ group: GROUP, set: brokerSet ?? '', queueId, offset: doneOffset });
        }
      }
    }
  }

  /** Looks from outside what is committed: never less than what a commit was answered for. */
  async look(): Promise<void> {
    const committed = new Map(this.#committed);
    const group = await this.#client.admin().describeGroup(GROUP);
    for (const { brokerSet, queueId, committedOffset } of group.queues) {
      const offset = committedOffset ?? 0;
      if (offset < (committed.get(`${brokerSet}/${queueId}`) ?? 0)) {
        this.#history.commits.push({ group: GROUP, set: brokerSet ?? '', queueId, offset });
      }
    }
  }

  /** A broker that has come back as master knows at once of every commit in its set that was answered for, whoever took it. */
  async lookAt(url: string, set: string): Promise<void> {
    const committed = new Map(this.#committed);
    const { role } = (await ask(url, 'standing', {})) as SetStanding;
    if (role !== 'master') {
      return;
    }
    let group: GroupDescription;
    try {
      group = (await ask(url, 'describeGroup', { group: GROUP }, LOOK_MS)) as GroupDescription;
    } catch (error) {
      // It has heard meanwhile that it is the master no more, and is opened again as a slave.
      if (isRingMQError(error) && error.code === 'BROKER_CLOSED') {
        return;
      }
      throw error;
    }
    for (const { queueId, committedOffset } of group.queues) {
      const offset = committedOffset ?? 0;
      if (offset < (committed.get(`${set}/${queueId}`) ?? 0)) {
        this.#history.commits.push({ group: GROUP, set, queueId, offset });
      }
    }
  }

  /** Producers end; the consumer once it has what was acked, or nothing comes any more. */
  async stop(): Promise<void> {
    this.#isProducing = false;
    await this.#producing;
    for (let silentMs = 0; silentMs < (this.#hasAllAcked() ? QUIET_MS : SURELY_READ_MS); ) {
      const before = this.#history.deliveries.length;
      await delay(QUIET_MS);
      silentMs = before === this.#history.deliveries.length ? silentMs + QUIET_MS : 0;
    }
    await this.look();
    this.#isCommitting = false;
    await this.#committing;
    await this.#consumer.close();
    await this.#reading;
  }

  #hasAllAcked(): boolean {
    const delivered = new Set(this.#history.deliveries.map(({ id }) => id));
    return this.#history.receipts.every(({ id }) => delivered.has(id));
  }
}

/** Every message once more, from the first offset of each queue. */
export async function readAll(client: Client, topic: string, history: History): Promise<void> {
  const { queueStates } = await client.admin().describeTopic(topic);
  const total = queueStates.reduce((sum, { maxOffset, minOffset }) => sum + maxOffset - minOffset, 0);
  const consumer = client.consumer({ group: 'scan', topic, from: 'earliest' });
  let seen = 0;
  for (let idleMs = 0; seen < total && idleMs < SURELY_READ_MS; ) {
    const messages = await consumer.poll({ max: 1_000, waitMs: POLL_MS });
    idleMs = messages.length === 0 ? idleMs + POLL_MS : 0;
    seen += messages.length;
    for (const message of messages) {
      history.scans.push(placeOf(message, 'scan'));
      await message.ack();
    }
  }
  await consumer.close();
}
