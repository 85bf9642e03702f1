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
import { commonOfProcess } from './process.js';

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

const common = commonOfProcess();
const given = common ?? { names: 0 };
/** What describes of this file alone opened, by case and options: those that ask for the same share it. */
const backEnds = new Map<string, Promise<BackEnd>>();
let isClosedAtTheEnd = false;

function sharedBackEnd(name: BackEndName, options: OpenBrokerOptions | undefined, flush: Case['flush']) {
  if (common !== null && options === undefined && flush === 'sync') {
    const known = common.backEnds.get(name) ?? openBackEnd(name, { flush }, common.directory);
    common.backEnds.set(name, known);
    return known;
  }
  const key = JSON.stringify([name, flush, options]);
  const backEnd = backEnds.get(key) ?? openBackEnd(name, { ...options, flush });
  backEnds.set(key, backEnd);
  return backEnd;
}

async function closeBackEnds(): Promise<void> {
  const opened = await Promise.allSettled(backEnds.values());
  backEnds.clear();
  await Promise.all(opened.map((each) => each.status === 'fulfilled' && each.value.close()));
}

/**
 * Runs the same tests over each case. With sync flush, and no `options`, over the brokers that the other files of the process have
 * too; otherwise, though the options be none, over brokers of this file.
 */
export function describeEach(
  title: string,
  cases: readonly Case[],
  tests: (rig: Rig) => void,
  options?: OpenBrokerOptions,
): void {
  if (!isClosedAtTheEnd) {
    isClosedAtTheEnd = true;
    afterAll(closeBackEnds);
  }
  for (const { name, flush } of cases) {
    describe(`${title}, ${name}, ${flush} flush`, () => {
      const rig = new Rig({ name, flush }, options);
      beforeAll(() => rig.openShared());
      afterEach(() => rig.closeClients());
      tests(rig);
    });
  }
}

export class Rig {
  readonly case: Case;
  readonly #options: OpenBrokerOptions | undefined;
  readonly #clients: Client[] = [];
  #backEnd: BackEnd | null = null;

  constructor(testCase: Case, options?: OpenBrokerOptions) {
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
    this.#backEnd = await openBackEnd(this.case.name, { flush: this.case.flush, ...this.#options });
  }

  /** The broker that others have too, who close it. */
  async openShared(): Promise<void> {
    const { name, flush } = this.case;
    this.#backEnd = await sharedBackEnd(name, this.#options, flush);
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
    return `${kind}-${++given.names}`;
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
  const consumer = client.consumer({ group: `reader-${++given.names}`, topic, ...options });
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
