/** What runs in the page: a web program that uses the client as any would. */
import { type Client, type Consumer, connect, isRingMQError, type Receipt } from 'ringmq/client';
import * as calls from '../conformance/odd-calls.js';
import { faultsOf } from '../conformance/odd-check.js';
import { oddValues } from '../conformance/odd-list.js';
import { oddAnswers } from './odd-messages.js';

/** A message as the test is told of it. */
export interface Seen {
  queueId: number;
  offset: number;
  messageId: string;
  tag: string | undefined;
  keys: readonly string[];
  properties: Record<string, unknown>;
  /** null: no body. */
  bytes: number[] | null;
}

let client: Client | null = null;
let consumer: Consumer | null = null;
const states: string[] = [];
let byTokens: Client | null = null;
const tokenStates: string[] = [];
/** Called with each `connected`. */
let onConnected: () => void = () => undefined;

function connected(): Client {
  if (client === null) {
    throw new Error('not connected');
  }
  return client;
}

const page = {
  states,

  /** Logs in and sends a message; where it lies, or the code of the error. */
  async sendAs(url: string, user: string, password: string, topic: string): Promise<number | string> {
    let own: Client | null = null;
    try {
      own = await connect(url, { credentials: { scheme: 'scram', user, password } });
      return (await own.producer().send({ topic, body: 'from a page' })).offset;
    } catch (error) {
      return isRingMQError(error) ? error.code : String(error);
    } finally {
      await own?.close();
    }
  },

  /** Logs in by tokens of the page's `freshToken`, which stands for a page's own server. Resolves once connected. */
  async connectByTokens(url: string): Promise<void> {
    const token = (globalThis as unknown as { freshToken(): Promise<string> }).freshToken;
    byTokens = await connect(url, {
      credentials: { scheme: 'jwt', token },
      onConnection: (state) => tokenStates.push(state),
    });
  },

  /** What has become of that connection, and the code of what a message sent over it comes to. */
  async sendByTokens(topic: string): Promise<{ states: string[]; sent: string }> {
    const sent = await byTokens
      ?.producer()
      .send({ topic, body: 'from a page' })
      .then(
        () => 'done',
        (error: unknown) => (isRingMQError(error) ? error.code : String(error)),
      );
    return { states: tokenStates, sent: String(sent) };
  },

  async closeByTokens(): Promise<void> {
    await byTokens?.close();
    tokenStates.length = 0;
  },

  /** Connects with one token; the code of what ends the connection, or keeps it from being made. */
  endOfToken(url: string, token: string): Promise<string> {
    return new Promise((resolve) => {
      const told = (reason: unknown): void => resolve(isRingMQError(reason) ? reason.code : String(reason));
      connect(url, {
        credentials: { scheme: 'jwt', token },
        onConnection: (state, reason) => {
          if (state !== 'connected') {
            told(reason);
          }
        },
      }).catch(told);
    });
  },

  /** Connects; what the broker says of itself, or the code of the error. */
  async connect(url: string): Promise<{ listener: string } | { code: string }> {
    try {
      client = await connect(url, {
        reconnectMinMs: 5,
        reconnectMaxMs: 50,
        onConnection: (state) => {
          states.push(state);
          if (state === 'connected') {
            onConnected();
          }
        },
      });
      return { listener: client.broker.listener };
    } catch (error) {
      return { code: isRingMQError(error) ? error.code : String(error) };
    }
  },

  async createTopic(topic: string, queues: number): Promise<void> {
    await connected().admin().createTopic({ topic, queues });
  },

  /** One of each kind of body and property. */
  sendKinds(topic: string): Promise<Receipt[]> {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const properties = { text: 'ü', number: -0.5, yes: true, bytes: new Uint8Array([1, 2]) };
    return connected()
      .producer({ group: 'web' })
      .sendBatch([
        { topic, body: bytes, tag: 'paid', keys: ['k-1'], properties },
        { topic, body: 'grüße' },
        { topic, body: '' },
        { topic },
      ]);
  },

  /** The next so many messages of a group, acked. */
  async take(topic: string, group: string, count: number, filter = '*'): Promise<Seen[]> {
    const seen: Seen[] = [];
    for await (const message of connected().consumer({ group, topic, filter })) {
      const { queueId, offset, messageId, tag, keys, properties, body } = message;
      seen.push({
        queueId,
        offset,
        messageId,
        tag,
        keys,
        properties,
        bytes: body === null ? null : [...body],
      });
      await message.ack();
      if (seen.length === count) {
        break;
      }
    }
    return seen;
  },

  /** The length and checksum (a plain sum) of a large body, there and back. */
  async largeBody(topic: string, bytes: number): Promise<boolean> {
    const body = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at += 1024) {
      body[at] = at >>> 10;
    }
    await connected().producer().send({ topic, body });
    for await (const message of connected().consumer({ group: 'large', topic })) {
      await message.ack();
      return message.body?.length === bytes && message.body.every((value, at) => value === body[at]);
    }
    return false;
  },

  /** Writes and reads numbered messages at once; has the connection cut at each tenth of them. The bodies in order of arrival. */
  async stream(topic: string, count: number, cut: () => Promise<void>): Promise<string[]> {
    const producer = connected().producer({ batchRecords: 10 });
    const bodies: string[] = [];
    consumer = connected().consumer({ group: 'stream', topic, commitIntervalMs: 5 });
    const run = consumer.run((message) => {
      bodies.push(message.text());
      if (bodies.length === count) {
        void consumer?.close();
      }
    });
    for (let i = 0; i < count; i++) {
      if (!producer.write({ topic, body: String(i) })) {
        await producer.ready();
      }
      if (i % Math.floor(count / 10) === 0) {
        const again = new Promise<void>((resolve) => {
          onConnected = resolve;
        });
        await Promise.all([cut(), again]);
      }
    }
    await producer.flush();
    await run;
    return bodies;
  },

  /** What is said to odd values in a message. */
  oddAnswers(topic: string): Promise<string[]> {
    return oddAnswers(connected(), topic);
  },

  /** What is wrong with how functions end that odd values are given to: a line each. */
  async oddCalls(url: string, topic: string): Promise<{ faults: string[]; calls: number }> {
    const frame = document.body.appendChild(document.createElement('iframe'));
    const { eval: run } = frame.contentWindow as Window & { eval(code: string): unknown };
    const odd = oddValues(run);
    const own = await connect(url);
    await own.admin().createTopic({ topic, queues: 1 });
    const place: calls.Place = {
      client: own,
      spareClient: () => connect(url),
      topic,
      placed: (where) => where,
    };
    const { ADMIN, PRODUCER, CONSUMER, CLIENT, CONNECT } = calls;
    const each = [ADMIN, PRODUCER, CONSUMER, CLIENT, { connect: CONNECT }].flatMap((of) =>
      Object.entries(of),
    );
    const faults: string[] = [];
    for (const [name, call] of each) {
      faults.push(...(await faultsOf(place, name, call, odd, { connect })));
    }
    frame.remove();
    await own.close();
    return { faults, calls: each.length };
  },

  /** The code a call fails with. */
  async refusal(topic: string): Promise<string> {
    const error: unknown = await connected()
      .producer()
      .send({ topic, body: 'x' })
      .catch((reason: unknown) => reason);
    return isRingMQError(error) ? error.code : String(error);
  },

  async close(): Promise<void> {
    await client?.close();
    client = null;
  },
};

export type Page = typeof page;
(globalThis as unknown as { ringmqPage: Page }).ringmqPage = page;
