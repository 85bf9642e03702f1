/** Clients behind a network that fails all the time: nothing is lost, stored twice, or out of order. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, type ClientOptions, connect } from '../../broker/index.js';
import { isRingMQError } from '../../native-free/wire/index.js';
import { type BackEnd, LISTENERS, openBackEnd } from './back-ends.js';
import { CuttingProxy } from './cutting-proxy.js';
import { numbers, readAll } from './rig.js';

const COUNT = 4000;
/** A stalled connection counts as lost after two of these. */
const IMPATIENT: ClientOptions = {
  connectTimeoutMs: 300,
  pingIntervalMs: 60,
  reconnectMinMs: 1,
  reconnectMaxMs: 20,
};

/** Where nothing is stalled, a pause of the machine would be one more loss. */
const UNSTALLED: ClientOptions = { pingIntervalMs: 0 };

/** However long the broker's thread waits for its turn: only those that have connected are impatient. */
async function reach(url: string, options: ClientOptions = {}): Promise<Client> {
  for (;;) {
    try {
      return await connect(url, { ...IMPATIENT, ...options });
    } catch (error) {
      if (!isRingMQError(error) || error.code !== 'CONNECT_FAILED') {
        throw error;
      }
    }
  }
}

/** A deterministic sequence, so that a failure can be repeated. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe.for(LISTENERS)('over %s, through a network that fails', (listener) => {
  let backEnd: BackEnd;
  let direct: Client;
  let proxy: CuttingProxy;

  beforeAll(async () => {
    backEnd = await openBackEnd(listener, { flush: 'async' });
    direct = await backEnd.client();
    proxy = await CuttingProxy.start(backEnd.port);
  });
  afterAll(async () => {
    await direct.close();
    await proxy.close();
    await backEnd.close();
  });

  test('producers and a consumer go on', async () => {
    const topic = 'through';
    await direct.admin().createTopic({ topic, queues: 2 });
    const clients = await Promise.all([1, 2, 3].map(() => reach(proxy.url)));
    const [sending, writing, reading] = clients as [Client, Client, Client];
    const random = makeRandom(20_260_101);
    let harms = 0;
    proxy.plan = () => {
      if (++harms > 60) {
        return null;
      }
      return { harm: random(5) === 0 ? 'stall' : 'cut', afterBytes: 1 + random(12_000) };
    };

    const consumer = reading.consumer({ group: 'g', topic, commitIntervalMs: 5, windowBytes: 65_536 });
    const seen: [string[], string[]] = [[], []];
    const offsets = new Set<string>();
    const consumed = consumer.run(async (message) => {
      const place = `${message.queueId}/${message.offset}`;
      // The same member goes on where it was: what it was handed out does not come again.
      expect(offsets.has(place), `${place} twice`).toBe(false);
      offsets.add(place);
      seen[message.queueId as 0 | 1].push(message.text());
      if (offsets.size === 2 * COUNT) {
        void consumer.close();
      }
    });

    const send = async () => {
      const producer = sending.producer({ batchRecords: 7 });
      const receipts = [];
      for (let i = 0; i < COUNT; i += 40) {
        const batch = numbers(40, i).map((body) => producer.send({ topic, body }, { queueId: 0 }));
        receipts.push(...(await Promise.all(batch)));
      }
      expect(receipts.map((receipt) => receipt.offset)).toEqual(receipts.map((_, i) => i));
    };
    const write = async () => {
      const producer = writing.producer({ batchRecords: 11, bufferBytes: 8192 });
      for (const body of numbers(COUNT)) {
        if (!producer.write({ topic, body }, { queueId: 1 })) {
          await producer.ready();
        }
      }
      await producer.flush();
    };
    await Promise.all([send(), write()]);
    await consumed;

    expect(seen).toEqual([numbers(COUNT), numbers(COUNT)]);
    const { queueStates } = await direct.admin().describeTopic(topic);
    expect(queueStates.map((queue) => queue.maxOffset)).toEqual([COUNT, COUNT]);
    proxy.plan = () => null;
    expect(proxy.harms.cut).toBeGreaterThan(30);
    expect(proxy.harms.stall).toBeGreaterThan(3);
    await Promise.all(clients.map((client) => client.close()));
    expect((await direct.admin().describeGroup('g')).queues.map((queue) => queue.lag)).toEqual([0, 0]);
  });

  test('calls made while there is no connection wait for one; the states are told', async () => {
    const states: string[] = [];
    let onLost!: () => void;
    const lost = new Promise<void>((resolve) => {
      onLost = resolve;
    });
    const client = await reach(proxy.url, {
      ...UNSTALLED,
      onConnection: (state) => {
        states.push(state);
        if (state === 'disconnected') {
          onLost();
        }
      },
    });
    const topic = 'waits';
    await client.admin().createTopic({ topic, queues: 1 });
    proxy.refusing = true;
    proxy.cutAll();
    await lost;
    expect(client.connected).toBe(false);
    const producer = client.producer();
    const sent = producer.send({ topic, body: 'sent' });
    producer.write({ topic, body: 'written' });
    const listed = client.admin().listTopics();
    proxy.refusing = false;
    expect((await sent).offset).toBe(0);
    await producer.flush();
    expect((await listed).map((info) => info.topic)).toContain(topic);
    expect(states).toEqual(['connected', 'disconnected', 'connected']);
    expect((await readAll(direct, topic)).map((message) => message.text())).toEqual(['sent', 'written']);
    await client.close();
  });

  test('a send that cannot be made fails in time, and says so', async () => {
    const client = await reach(proxy.url, UNSTALLED);
    const topic = 'late';
    await client.admin().createTopic({ topic, queues: 1 });
    const producer = client.producer();
    await producer.send({ topic, body: 'first' });
    proxy.refusing = true;
    proxy.cutAll();
    const impatient = client.producer({ sendTimeoutMs: 100 });
    await expect(impatient.send({ topic, body: 'late' })).rejects.toMatchObject({
      code: 'TIMEOUT',
      retryable: true,
    });
    proxy.refusing = false;
    expect(await producer.send({ topic, body: 'next' })).toMatchObject({ queueId: 0 });
    await client.close();
  });
});
