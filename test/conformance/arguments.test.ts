/** What callers give is checked, packed or copied at the call: a mistake is told at once, to who made it, and nobody else notices. */
import { describe, expect, test } from 'vitest';
import { type Client, connect, type OutgoingMessage } from '../../broker/index.js';
import { describeEach, EACH, readAll, take } from './rig.js';

/** A call of which one argument is wrong, and the name of that argument. */
type Mistake = [option: string, call: (client: Client, topic: string) => unknown];

const WRONG_VALUES: unknown[] = [
  undefined,
  null,
  5,
  true,
  10n,
  Number.NaN,
  '',
  'a b',
  new Date(),
  () => 'orders',
  Symbol('orders'),
  new Error('orders'),
  new Map([['topic', 'orders']]),
  ['orders', 5],
  { toString: () => 'orders' },
];

const MISTAKES: Mistake[] = [
  ...WRONG_VALUES.flatMap((wrong): Mistake[] => [
    ['topic', (client) => client.admin().describeTopic(wrong as never)],
    ['topic', (client) => client.admin().deleteTopic(wrong as never)],
    ['group', (client) => client.admin().describeGroup(wrong as never)],
    ['topic', (client) => client.admin().createTopic({ topic: wrong as never })],
    ['group', (client, topic) => client.admin().resetOffset({ group: wrong as never, topic, to: 'latest' })],
    ['topic', (client) => client.admin().resetOffset({ group: 'g', topic: wrong as never, to: 'latest' })],
    [
      'to',
      (client, topic) =>
        client
          .admin()
          .resetOffset({ group: 'g', topic, to: wrong instanceof Date ? (null as never) : (wrong as never) }),
    ],
    ['topic', (client) => client.consumer({ group: 'g', topic: wrong as never })],
    ['group', (client, topic) => client.consumer({ group: wrong as never, topic })],
  ]),
  ...WRONG_VALUES.filter((wrong) => wrong !== undefined).flatMap((wrong): Mistake[] => [
    [
      'queues',
      (client) => client.admin().createTopic({ topic: 'new', queues: wrong === 5 ? 0 : (wrong as never) }),
    ],
    [
      'memory',
      (client) =>
        client
          .admin()
          .createTopic({ topic: 'new', memory: wrong === true ? (1 as never) : (wrong as never) }),
    ],
    ['signal', (client) => client.admin().listTopics({ signal: wrong as never })],
    ['signal', (client, topic) => client.producer().send({ topic, body: '' }, { signal: wrong as never })],
    ['signal', (client) => client.producer().flush({ signal: wrong as never })],
    [
      'from',
      (client, topic) =>
        client.consumer({
          group: 'g',
          topic,
          from: wrong instanceof Date ? (null as never) : (wrong as never),
        }),
    ],
    [
      'onError',
      (client) => client.producer({ onError: typeof wrong === 'function' ? (1 as never) : (wrong as never) }),
    ],
  ]),
  ['createTopic', (client) => client.admin().createTopic(undefined as never)],
  ['createTopic', (client) => client.admin().createTopic('orders' as never)],
  ['queues', (client) => client.admin().createTopic({ topic: 'new', queues: '4' as never })],
  ['queues', (client) => client.admin().createTopic({ topic: 'new', queues: 1.5 })],
  ['queues', (client) => client.admin().createTopic({ topic: 'new', queues: 16_385 })],
  ['partitions', (client) => client.admin().createTopic({ topic: 'new', partitions: 4 } as never)],
  ['retentionMs', (client) => client.admin().createTopic({ topic: 'new', retentionMs: 4 } as never)],
  ['resetOffset', (client) => client.admin().resetOffset(undefined as never)],
  [
    'to',
    (client, topic) => client.admin().resetOffset({ group: 'g', topic, to: { time: 1, offset: 1 } as never }),
  ],
  ['from', (client, topic) => client.consumer({ group: 'g', topic, from: new Date(Number.NaN) })],
  ['consumer', (client) => client.consumer(undefined as never)],
  ['fromBeginning', (client, topic) => client.consumer({ group: 'g', topic, fromBeginning: true } as never)],
  ['groupId', (client, topic) => client.consumer({ groupId: 'g', topic } as never)],
  ['handler', (client, topic) => client.consumer({ group: 'g', topic }).run(undefined as never)],
  [
    'concurency',
    (client, topic) => client.consumer({ group: 'g', topic }).run(() => 0, { concurency: 4 } as never),
  ],
  ['acks', (client) => client.producer({ acks: 1 } as never)],
  ['linger', (client) => client.producer({ linger: 1 } as never)],
  ['producer', (client) => client.producer('orders' as never)],
  ['producer', (client) => client.producer(null as never)],
  ['batchBytes', (client) => client.producer({ batchBytes: 2048.5 })],
  ['sendTimeoutMs', (client) => client.producer({ sendTimeoutMs: 10n as never })],
  ['queueId', (client, topic) => client.producer().send({ topic, body: '' }, { queueId: '0' as never })],
  ['queueId', (client, topic) => client.producer().write({ topic, body: '' }, { queueId: null as never })],
  ['flush', (client, topic) => client.producer().send({ topic, body: '' }, { flush: true as never })],
  ['acks', (client, topic) => client.producer().send({ topic, body: '' }, { acks: 1 } as never)],
  [
    'signal',
    (client, topic) => client.producer().write({ topic, body: '' }, { signal: AbortSignal.abort() } as never),
  ],
  ['send', (client, topic) => client.producer().send({ topic, body: '' }, 'sync' as never)],
  ['messages', (client, topic) => client.producer().sendBatch({ topic, body: '' } as never)],
  ['timeoutMs', (client) => client.close({ timeoutMs: 1 } as never)],
];

/** Like `rejects`, for calls that throw, too. */
async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return 'nothing failed';
}

describeEach('arguments', EACH, (rig) => {
  test('that cannot be used are refused at the call by name, and nobody else notices', async () => {
    const { client, topic } = await rig.topic();
    const innocent = client.producer();
    const read = (async () => {
      let count = 0;
      for await (const message of client.consumer({ group: rig.name('group'), topic })) {
        await message.ack();
        if (++count === MISTAKES.length) {
          return count;
        }
      }
      return count;
    })();
    for (const [i, [option, call]] of MISTAKES.entries()) {
      const what = `${i}: ${option}, ${String(call)}`;
      const sent = innocent.send({ topic, body: what });
      sent.catch(() => {});
      expect(await failureOf(() => call(client, topic)), what).toMatchObject({
        code: 'BAD_ARGUMENT',
        retryable: false,
        message: expect.stringContaining(option),
        details: { option },
      });
      await sent;
    }
    expect(await read).toBe(MISTAKES.length);
    expect(client.connected).toBe(true);
  });

  test('undefined is the same as absent', async () => {
    const client = await rig.client();
    const topic = rig.name('topic');
    await client.admin().createTopic({ topic, queues: undefined, memory: undefined }, { signal: undefined });
    expect(await client.admin().describeTopic(topic, undefined)).toMatchObject({ queues: 4, memory: false });
    const producer = client.producer({ group: undefined, batchBytes: undefined, onError: undefined });
    await producer.send(
      { topic, body: 'x', tag: undefined, keys: undefined, properties: { a: undefined as never } },
      { flush: undefined, queueId: undefined, signal: undefined },
    );
    const [message] = await readAll(client, topic, { from: { time: 0, offset: undefined } as never });
    expect(message?.properties).toEqual({});
  });

  test('parts that messages do not have are refused, with what may have been meant', async () => {
    const { client, topic } = await rig.topic();
    const producer = client.producer();
    await producer.send({ topic, body: 'warm' });
    const message = (part: object) => ({ topic, body: new Uint8Array(8), ...part }) as OutgoingMessage;
    const refusals: [object, object][] = [
      [
        { key: 'k' },
        { code: 'BAD_MESSAGE', message: expect.stringContaining('keys'), details: { part: 'key' } },
      ],
      [{ headers: {} }, { code: 'BAD_MESSAGE', message: expect.stringContaining('properties') }],
      [{ queueId: 1 }, { code: 'BAD_MESSAGE', message: expect.stringContaining('options') }],
      [{ properties: new Map([['a', 1]]) }, { code: 'BAD_MESSAGE', details: { part: 'properties' } }],
      [{ properties: ['a'] }, { code: 'BAD_MESSAGE', details: { part: 'properties' } }],
      [{ delayMs: 5 }, { code: 'NOT_SUPPORTED', details: { part: 'delayMs' } }],
      [{ ttlMs: 5 }, { code: 'NOT_SUPPORTED' }],
    ];
    for (const [part, refusal] of refusals) {
      expect(await failureOf(() => producer.send(message(part)))).toMatchObject(refusal);
    }
    // Also on the short way of a fast writer, behind others of its batch.
    producer.write(message({}));
    for (const [part, refusal] of refusals) {
      expect(await failureOf(() => producer.write(message(part)))).toMatchObject(refusal);
    }
    await producer.flush();
    expect(await readAll(client, topic)).toHaveLength(2);
  });

  test('what cannot be read is refused by its name, on every way a message may take', async () => {
    const { client, topic } = await rig.topic({ queues: 2 });
    const gone = () => {
      const bytes = new Uint8Array(100);
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
      return bytes;
    };
    const goneView = () => {
      const view = new DataView(new ArrayBuffer(8));
      structuredClone(view.buffer, { transfer: [view.buffer] });
      return view;
    };
    const { proxy: revoked, revoke } = Proxy.revocable({}, {});
    revoke();
    const wrong: [string, object][] = [
      ['body', { body: gone() }],
      ['body', { body: goneView() }],
      ['body', { body: gone(), tag: 'a' }],
      ['property p', { properties: { p: gone() } }],
      ['shardingKey', { shardingKey: null }],
      ['shardingKey', { shardingKey: 5 }],
      ['shardingKey', { shardingKey: new Uint8Array(3) }],
      ['bornTime', { bornTime: Object.create(null) }],
      ['bornTime', { bornTime: gone() }],
    ];
    const producer = client.producer();
    // Before the topic is known, after that, and on the short way of a fast writer.
    for (const round of ['new', 'known', 'usual']) {
      if (round !== 'new') {
        producer.write({ topic, body: new Uint8Array(8) });
      }
      for (const [part, parts] of wrong) {
        const message = { topic, ...parts } as OutgoingMessage;
        for (const call of [() => producer.send(message), () => producer.write(message)]) {
          const error = await failureOf(call);
          expect({ round, part, error }).toMatchObject({ error: { code: 'BAD_MESSAGE' } });
          expect((error as Error).message).toMatch(part === 'shardingKey' ? /sharding ?key/i : part);
        }
      }
      await producer.send({ topic, body: new Uint8Array(0) });
    }
    await producer.flush();
    expect(await readAll(client, topic)).toHaveLength(5);
    for (const call of [
      () => client.producer(revoked as never),
      () => client.admin().describeTopic(revoked as never),
      () => client.admin().listTopics(revoked as never),
      () => client.admin().stats({ signel: undefined, sgnal: 1 } as never),
    ]) {
      expect(await failureOf(call)).toMatchObject({ code: 'BAD_ARGUMENT' });
    }
  });

  test('a message is taken as it is at the call, also before its topic is known', async () => {
    const client = await rig.client();
    const topic = rig.name('topic');
    await client.admin().createTopic({ topic, queues: 4 });
    const producer = client.producer();
    const shared = {
      topic,
      body: new Uint16Array(1) as never as Uint8Array,
      keys: [''],
      properties: { n: 0, b: new Uint8Array(1) },
      tag: '',
    };
    const options = { queueId: 0 };
    const sends: Promise<{ queueId: number }>[] = [];
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 8; i++) {
        (shared.body as never as Uint16Array)[0] = 0x4141 + i * 0x0101;
        shared.keys[0] = `k${i}`;
        shared.properties.n = i;
        shared.properties.b[0] = i;
        shared.tag = `t${i}`;
        options.queueId = i % 4;
        if (i < 4) {
          producer.write(shared, options);
        } else {
          sends.push(producer.send(shared, options));
        }
      }
      shared.keys[0] = 'changed';
      shared.properties.n = -1;
      shared.properties.b[0] = 99;
      shared.tag = 'changed';
      await producer.flush();
    }
    const receipts = await Promise.all(sends);
    expect(receipts.map((receipt) => receipt.queueId)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    const got = (await readAll(client, topic)).map(
      (m) =>
        `${m.queueId} ${m.text()} ${m.keys[0]} ${m.tag} ${m.properties['n']} ${(m.properties['b'] as Uint8Array)[0]}`,
    );
    const letters = (i: number) => String.fromCharCode(65 + i, 65 + i);
    const expected = [0, 1].flatMap(() =>
      Array.from({ length: 8 }, (_, i) => `${i % 4} ${letters(i)} k${i} t${i} ${i} ${i}`),
    );
    expect(got.sort()).toEqual(expected.sort());
    // What was kept as a record is found by its tag.
    const tagged = await take(client.consumer({ group: rig.name('group'), topic, filter: 't1 || t5' }), 4);
    expect(tagged.map((m) => m.tag).sort()).toEqual(['t1', 't1', 't5', 't5']);
  });
});

describeEach('options of later versions', EACH, (rig) => {
  test('are refused as what they are', async () => {
    const client = await rig.client();
    const group = rig.name('g');
    const later: [string, () => unknown][] = [
      ['sql', () => client.consumer({ group, topic: 't', sql: 'a = 1' } as never)],
      ['ordered', () => client.consumer({ group, topic: 't', ordered: true } as never)],
      ['check', () => client.producer({ check: async () => 'commit' } as never)],
    ];
    for (const [option, call] of later) {
      expect(await failureOf(call)).toMatchObject({ code: 'NOT_SUPPORTED', details: { option } });
    }
  });
});

describe('connect', () => {
  test('refuses options it does not know, or cannot use', async () => {
    const url = 'ws://127.0.0.1:1';
    const mistakes: [string, object][] = [
      ['name', { name: 5 }],
      ['name', { name: Symbol('a') }],
      ['name', { name: 'n'.repeat(128) }],
      ['clientId', { clientId: 'a' }],
      ['conectTimeoutMs', { conectTimeoutMs: 5 }],
      ['connectTimeoutMs', { connectTimeoutMs: '5' }],
      ['onConnection', { onConnection: 'a' }],
      ['signal', { signal: new AbortController() }],
    ];
    for (const [option, options] of mistakes) {
      expect(await failureOf(() => connect(url, options as never)), option).toMatchObject({
        code: 'BAD_ARGUMENT',
        details: { option },
      });
    }
    expect(await failureOf(() => connect(url, 'fast' as never))).toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  test('says of credentials that cannot be used what is wrong, and never the password', async () => {
    const user = { scheme: 'scram', user: 'a', password: 'hush-hush' };
    const mistakes: [code: string, option: string, credentials: unknown][] = [
      ['NOT_SUPPORTED', 'credentials', { ...user, scheme: 'password' }],
      ['BAD_ARGUMENT', 'credentials', { ...user, scheme: undefined }],
      ['BAD_ARGUMENT', 'token', { ...user, token: 'b' }],
      ['BAD_ARGUMENT', 'credentials', new Map()],
      ['BAD_ARGUMENT', 'user', { ...user, user: 'a,b' }],
      ['BAD_ARGUMENT', 'password', { ...user, password: '' }],
      ['BAD_ARGUMENT', 'password', { ...user, password: ['hush-hush'] }],
      ['BAD_ARGUMENT', 'password', { ...user, password: 'hush-hush'.repeat(200) }],
    ];
    for (const [code, option, credentials] of mistakes) {
      const error = await failureOf(() => connect('ws://127.0.0.1:1', { credentials: credentials as never }));
      expect(error, JSON.stringify(credentials)).toMatchObject({ code, details: { option } });
      expect(String((error as Error).message)).not.toContain('hush');
    }
  });
});
