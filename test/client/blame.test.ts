/** A connection that ends over something that was sent: only that fails, whatever else was under way. */
import { afterEach, expect, test } from 'vitest';
import { type Client, type ClientOptions, createClient } from '../../native-free/client/internal.js';
import { MAX_REQUESTS_IN_FLIGHT, OPCODE } from '../../native-free/wire/index.js';
import { ScriptedBroker, ScriptedError } from './scripted-broker.js';
import { warmUp } from './scripted-client.js';

let client: Client | undefined;

afterEach(async () => {
  await client?.close({ signal: AbortSignal.abort() }).catch(() => {});
  client = undefined;
});

async function setUp(options: ClientOptions = {}): Promise<{ broker: ScriptedBroker; client: Client }> {
  const broker = new ScriptedBroker();
  client = await createClient(broker.factory, { reconnectMinMs: 1, reconnectMaxMs: 5, ...options });
  return { broker, client };
}

test('a request that ends the connection fails with the reason and is not sent again; others are', async () => {
  const { broker, client } = await setUp();
  const producer = client.producer();
  broker.methods['describeGroup'] = ({ group }, link) => {
    if (group === 'poison') {
      link.end('BAD_FRAME');
    }
    return { group, topics: [], members: 0, memberIds: [], queues: [] };
  };
  const poison = client.admin().describeGroup('poison');
  const work = Array.from({ length: 20 }, (_, i) =>
    Promise.all([client.admin().describeGroup(`g${i}`), producer.send({ topic: 't', body: `${i}` })]),
  );
  await expect(poison).rejects.toMatchObject({ code: 'BAD_FRAME' });
  await Promise.all(work);
  // With the others under way it could not be told which it was; alone it could.
  expect(broker.called('describeGroup').filter(({ group }) => group === 'poison').length).toBeLessThanOrEqual(
    2,
  );
});

test.each([
  ['found out', false],
  ['named by the broker', true],
])(
  'so does a batch, %s; those of the same and of other producers are stored, each once',
  async (_how, isNamed) => {
    const warnings: string[] = [];
    const { broker, client } = await setUp({ onWarning: (message) => warnings.push(message) });
    const producers = Array.from({ length: 8 }, () => client.producer({ batchRecords: 1 }));
    const stored: number[] = [];
    broker.autoAck = false;
    broker.onBatch = (batch, link) => {
      broker.later(link, () => {
        if (batch.bytes.length > 10_000) {
          link.end('BAD_BATCH', isNamed ? { batch: batch.id } : {});
        } else {
          stored.push(batch.queueId);
          link.ack([batch]);
        }
      });
    };
    const results = await Promise.allSettled(
      producers.flatMap((producer, i) =>
        [0, 1, 2, 3].map((queueId) =>
          producer.send(
            { topic: 't', body: new Uint8Array(i === 5 && queueId === 1 ? 20_000 : 10) },
            { queueId },
          ),
        ),
      ),
    );
    expect(results.filter(({ status }) => status === 'rejected')).toMatchObject([
      { reason: { code: 'BAD_BATCH' } },
    ]);
    expect(results[5 * 4 + 1]?.status).toBe('rejected');
    expect(stored).toHaveLength(31);
    expect(warnings.some((message) => message.includes('BAD_BATCH'))).toBe(true);
    const poisonous = broker.links.flatMap(({ batches }) =>
      batches.filter(({ bytes }) => bytes.length > 10_000),
    );
    expect(poisonous).toHaveLength(isNamed ? 1 : 2);
  },
);

test('a batch that arrives damaged is sent once more, wherever it was sent before; damaged again it fails alone', async () => {
  const { broker, client } = await setUp();
  const producer = client.producer({ batchRecords: 1 });
  broker.autoAck = false;
  const damaged: number[] = [];
  broker.onBatch = (batch, link) => {
    broker.later(link, () => {
      const isOurs = batch.bytes.length > 10_000;
      // The first connection just ends, and the batch goes over the next one.
      if (isOurs && broker.links.length === 1) {
        link.cut();
      } else if (isOurs && (batch.queueId === 1 || damaged.length === 0)) {
        damaged.push(batch.queueId);
        link.end('BAD_CHECKSUM', { batch: batch.id, sequence: batch.sequence });
      } else {
        link.ack([batch]);
      }
    });
  };
  const body = new Uint8Array(20_000);
  const [first, second, small] = await Promise.allSettled([
    producer.send({ topic: 't', body }, { queueId: 0 }),
    producer.send({ topic: 't', body }, { queueId: 1 }),
    producer.send({ topic: 't', body: 'small' }, { queueId: 2 }),
  ]);
  expect(first.status).toBe('fulfilled');
  expect(second).toMatchObject({ status: 'rejected', reason: { code: 'BAD_CHECKSUM' } });
  expect(small.status).toBe('fulfilled');
  expect(damaged).toEqual([0, 1, 1]);
});

test('a refusal for want of room is asked again, and told; in time it succeeds', async () => {
  const warnings: Record<string, unknown>[] = [];
  const { broker, client } = await setUp({ onWarning: (_message, details) => warnings.push(details) });
  let refusals = 5;
  broker.methods['listTopics'] = () => {
    if (refusals-- > 0) {
      throw new ScriptedError('TOO_MANY_REQUESTS', 'too many');
    }
    return { topics: [] };
  };
  expect(await client.admin().listTopics()).toEqual([]);
  expect(broker.called('listTopics')).toHaveLength(6);
  expect(warnings).toEqual([{ code: 'TOO_MANY_REQUESTS', method: 'listTopics' }]);
});

test('at the time-out the error says what was refused last', async () => {
  // Time enough for one refusal at least, also where this thread is held for a while.
  const { broker, client } = await setUp({ requestTimeoutMs: 3_000 });
  broker.methods['listTopics'] = () => {
    throw new ScriptedError('BROKER_BUSY', 'no seat');
  };
  await expect(client.admin().listTopics()).rejects.toMatchObject({
    code: 'BROKER_BUSY',
    message: expect.stringContaining('3000 ms'),
    details: { method: 'listTopics' },
  });
});

test('at the time-out the error says that there is no connection, and why', async () => {
  const { broker, client } = await setUp({ requestTimeoutMs: 60 });
  const producer = client.producer({ sendTimeoutMs: 60 });
  await warmUp(producer);
  broker.isDown = true;
  broker.link.cut();
  const down = { code: 'TIMEOUT', message: expect.stringContaining('no connection') };
  await expect(client.admin().listTopics()).rejects.toMatchObject(down);
  await expect(producer.send({ topic: 't', body: 'x' })).rejects.toMatchObject(down);
});

test('sendTimeoutMs counts for a message whose topic is not known yet, and is not cut short by requestTimeoutMs', async () => {
  const { broker, client } = await setUp({ requestTimeoutMs: 20 });
  broker.methods['topicMetadata'] = () => undefined;
  const impatient = client.producer({ sendTimeoutMs: 30 });
  const patient = client.producer({ sendTimeoutMs: 60_000 });
  await expect(impatient.send({ topic: 't', body: 'x' })).rejects.toMatchObject({ code: 'TIMEOUT' });
  const sent = patient.send({ topic: 't', body: 'x' });
  await broker.until(() => broker.called('topicMetadata').length >= 3);
  broker.methods['topicMetadata'] = () => broker.topics.get('t');
  expect(await sent).toMatchObject({ topic: 't', offset: 0 });
});

test('a request that nobody waits for any more keeps its place until the broker has answered it', async () => {
  const { broker, client } = await setUp();
  const answers: (() => void)[] = [];
  broker.methods['describeTopic'] = ({ topic }, link) => {
    // Requests are numbered from 1, in the order of the calls.
    const id = answers.length + 1;
    answers.push(() => link.frame(OPCODE.response, id, 0, { topic }));
    return undefined;
  };
  const stops = Array.from({ length: MAX_REQUESTS_IN_FLIGHT }, () => new AbortController());
  const asked = stops.map(({ signal }) =>
    client
      .admin()
      .describeTopic('t', { signal })
      .catch((error: unknown) => error),
  );
  await broker.until(() => answers.length === MAX_REQUESTS_IN_FLIGHT);
  for (const stop of stops) {
    stop.abort();
  }
  await Promise.all(asked);
  broker.methods['listTopics'] = () => ({ topics: [] });
  const listed = client.admin().listTopics();
  await new Promise((resolve) => setImmediate(resolve));
  expect(broker.called('listTopics')).toHaveLength(0);
  for (const answer of answers) {
    answer();
  }
  expect(await listed).toEqual([]);
});

test('an answer without what was asked for is an error with a code, not one of the language', async () => {
  const { broker, client } = await setUp();
  for (const method of ['listTopics', 'listGroups', 'describeTopic', 'describeGroup']) {
    broker.methods[method] = () => ({});
  }
  const admin = client.admin();
  for (const call of [
    admin.listTopics(),
    admin.listGroups(),
    admin.describeTopic('t'),
    admin.describeGroup('g'),
  ]) {
    await expect(call).rejects.toMatchObject({ name: 'RingMQError', code: 'BAD_FRAME' });
  }
});
