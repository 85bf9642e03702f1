/** A broker for all tests of a file, with new names for each, and clients that are closed after each. */
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import type {
  Client,
  ConsumedMessage,
  Consumer,
  ConsumerOptions,
  OpenBrokerOptions,
} from '../../broker/index.js';
import { BACK_ENDS, type BackEnd, type BackEndName, openBackEnd, TOPICS_SET } from './back-ends.js';

export interface Case {
  name: BackEndName;
  flush: 'sync' | 'async';
}

/** Every back end under sync flush. */
export const EACH: readonly Case[] = BACK_ENDS.map((name) => ({ name, flush: 'sync' }));
/** The same, and a cluster. */
export const EACH_AND_CLUSTER: readonly Case[] = [...EACH, { name: 'cluster', flush: 'sync' }];
/** Every back end under both policies. */
export const EACH_FLUSH: readonly Case[] = [
  ...EACH,
  ...BACK_ENDS.map((name) => ({ name, flush: 'async' as const })),
];

/** What the describes of this file opened, by case and options: those that ask for the same share it. */
const backEnds = new Map<string, Promise<BackEnd>>();
let isClosedAtTheEnd = false;

function sharedBackEnd(name: BackEndName, options: OpenBrokerOptions): Promise<BackEnd> {
  const key = JSON.stringify([name, options]);
  const backEnd = backEnds.get(key) ?? openBackEnd(name, options);
  backEnds.set(key, backEnd);
  return backEnd;
}

async function closeBackEnds(): Promise<void> {
  const opened = await Promise.allSettled(backEnds.values());
  backEnds.clear();
  await Promise.all(opened.map((each) => each.status === 'fulfilled' && each.value.close()));
}

/** Runs the same tests over each case. */
export function describeEach(
  title: string,
  cases: readonly Case[],
  tests: (rig: Rig) => void,
  options: OpenBrokerOptions = {},
): void {
  if (!isClosedAtTheEnd) {
    isClosedAtTheEnd = true;
    afterAll(closeBackEnds);
  }
  for (const { name, flush } of cases) {
    describe(`${title}, ${name}, ${flush} flush`, () => {
      const rig = new Rig({ name, flush }, { ...options, flush });
      beforeAll(() => rig.openShared());
      afterEach(() => rig.closeClients());
      tests(rig);
    });
  }
}

let names = 0;

export class Rig {
  readonly case: Case;
  readonly #options: OpenBrokerOptions;
  readonly #clients: Client[] = [];
  #backEnd: BackEnd | null = null;

  constructor(testCase: Case, options: OpenBrokerOptions) {
    this.case = testCase;
    this.#options = options;
  }

  get backEnd(): BackEnd {
    if (this.#backEnd === null) {
      throw new Error('the broker is not open');
    }
    return this.#backEnd;
  }

  async open(): Promise<void> {
    this.#backEnd = await openBackEnd(this.case.name, this.#options);
  }

  /** The broker that other describes of the file have too; closed at its end. */
  async openShared(): Promise<void> {
    this.#backEnd = await sharedBackEnd(this.case.name, this.#options);
  }

  async close(): Promise<void> {
    await this.#backEnd?.close();
  }

  /** A client of its own, closed after the test. */
  async client(): Promise<Client> {
    const client = await this.backEnd.client();
    this.#clients.push(client);
    return client;
  }

  /** What a failed test left under way must not hold up the next. */
  async closeClients(): Promise<void> {
    const stop = AbortSignal.abort();
    await Promise.all(
      this.#clients.splice(0).map((client) => client.close({ signal: stop }).catch(() => undefined)),
    );
  }

  /** The same with the broker set where there are several. */
  placed<T extends object>(place: T): T & { brokerSet?: string } {
    return this.case.name === 'cluster' ? { brokerSet: TOPICS_SET, ...place } : place;
  }

  /** A name not used before. */
  name(kind: string): string {
    return `${kind}-${++names}`;
  }

  /** A client and a new topic. */
  async topic(
    options: { queues?: number; memory?: boolean } = {},
  ): Promise<{ client: Client; topic: string }> {
    const client = await this.client();
    const topic = this.name('topic');
    await client.admin().createTopic({ topic, queues: 1, ...options });
    return { client, topic };
  }
}

/** The next `count` messages, acked; leaves the group after them. */
export async function take(consumer: Consumer, count: number): Promise<ConsumedMessage[]> {
  const messages: ConsumedMessage[] = [];
  if (count === 0) {
    return messages;
  }
  for await (const message of consumer) {
    messages.push(message);
    await message.ack();
    if (messages.length === count) {
      break;
    }
  }
  return messages;
}

/** All that is in a topic now, by a group of its own. */
export async function readAll(client: Client, topic: string, options: Partial<ConsumerOptions> = {}) {
  const { queueStates } = await client.admin().describeTopic(topic);
  const count = queueStates.reduce((sum, queue) => sum + queue.maxOffset - queue.minOffset, 0);
  const consumer = client.consumer({ group: `reader-${++names}`, topic, ...options });
  const messages = await take(consumer, count);
  await consumer.close();
  return messages;
}

/** `count` bodies: 0, 1, 2, … */
export function numbers(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => String(from + i));
}

/** Sends numbered messages as one batch. */
export function sendNumbers(client: Client, topic: string, count: number, from = 0) {
  return client.producer().sendBatch(numbers(count, from).map((body) => ({ topic, body })));
}
