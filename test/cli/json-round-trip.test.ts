/** What `sub -o json` prints, `pub -i json` sends: every field as it was, bytes too. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ConsumedMessage, connect, type OutgoingMessage } from '../../native-free/client/index.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli } from './cli-process.js';

let directory = '';
beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => removeDirectory(directory));

const BYTES = Uint8Array.from({ length: 256 }, (_, i) => i);
const MESSAGES: Omit<OutgoingMessage, 'topic'>[] = [
  {},
  { body: '' },
  { body: 'text', tag: 'paid', keys: ['k-1', 'k "2"\n'], shardingKey: 's', bornTime: 1_234_567_890_123 },
  { body: BYTES },
  { body: Uint8Array.of(0xef, 0xbb, 0xbf, 0x61) },
  { body: Uint8Array.of(0xed, 0xa0, 0x80) },
  { body: '\u0000\n\r\u2028"\\\ud83d\ude00', tag: '\ufefftag', keys: ['é', '\u0001'] },
  {
    body: '{"body":1}',
    properties: {
      text: '',
      bytes: BYTES,
      noBytes: new Uint8Array(0),
      zero: 0,
      minusZero: -0,
      tiny: 5e-324,
      huge: 1.797_693_134_862_315_7e308,
      exact: 0.1 + 0.2,
      yes: true,
      no: false,
      ['__proto__']: 'own',
      constructor: Uint8Array.of(1),
      'a b"\n': 'quoted',
      7: 'number',
    },
  },
];

function partsOf({ body, tag, keys, shardingKey, properties, bornTime }: ConsumedMessage): unknown {
  const plain = (value: unknown): unknown =>
    value instanceof Uint8Array ? ['bytes', ...value] : Object.is(value, -0) ? 'minus zero' : value;
  const named = Object.entries(properties).map(([name, value]) => [name, plain(value)] as const);
  return [plain(body), tag, keys, shardingKey, named.sort(([a], [b]) => (a < b ? -1 : 1)), bornTime];
}

it('messages of every kind come through two commands as they were', async () => {
  const broker = await BrokerProcess.start(`${directory}/data`, ['--flush', 'async']);
  const client = await connect(broker.url);
  try {
    for (const topic of ['one', 'two']) {
      await client.admin().createTopic({ topic, queues: 1 });
    }
    await client.producer().sendBatch(MESSAGES.map((message) => ({ topic: 'one', ...message })));
    const at = ['--url', broker.url];
    const count = ['--count', String(MESSAGES.length), '--idle-exit', '30s'];
    const printed = await runCli([...at, 'sub', 'one', '--group', 'copy', ...count, '-o', 'json']);
    expect([printed.status, printed.stderr]).toEqual([0, '']);
    const sent = await runCli([...at, 'pub', 'two', '-i', 'json'], { input: printed.stdout });
    expect([sent.status, sent.stderr]).toEqual([0, '']);
    const read = async (topic: string): Promise<unknown[]> => {
      const consumer = client.consumer({ group: `check-${topic}`, topic });
      const messages: unknown[] = [];
      for await (const message of consumer) {
        messages.push(partsOf(message));
        if (messages.length === MESSAGES.length) {
          break;
        }
      }
      await consumer.close();
      return messages;
    };
    const first = await read('one');
    expect(first[2]).toContain('paid');
    expect(await read('two')).toEqual(first);
  } finally {
    await client.close();
    await broker.stop();
  }
});

it('files as other systems write them are taken, and a refusal names the line of the file', async () => {
  const broker = await BrokerProcess.start(`${directory}/foreign`, ['--flush', 'async']);
  const client = await connect(broker.url);
  try {
    await client.admin().createTopic({ topic: 'one', queues: 1 });
    const input = '\ufeff{"body":"a"}\r\n\r\n{"body":"b"}\n \t\n\n{"body":"\ufeffc"}\r\n\r\n';
    const pub = ['--url', broker.url, 'pub', 'one', '-i', 'json'];
    const all = await runCli(pub, { input });
    expect([all.status, all.stderr]).toEqual([0, '']);
    const bodies = async () => {
      const messages = await client.peek({ topic: 'one', max: 10 });
      return messages.map(({ body }) => Buffer.from(body ?? []).toString());
    };
    expect(await bodies()).toEqual(['a', 'b', '\ufeffc']);
    const refused = await runCli(pub, { input: '{"body":"d"}\n\n\ufeff{"body":"e"}\n' });
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringMatching(/^BAD_MESSAGE: line 3: /)]);
    expect(await bodies()).toEqual(['a', 'b', '\ufeffc', 'd']);
  } finally {
    await client.close();
    await broker.stop();
  }
});

it('what no message can have is refused with its line', async () => {
  const broker = await BrokerProcess.start(`${directory}/refused`, ['--flush', 'async']);
  try {
    const at = ['--url', broker.url];
    await runCli([...at, 'topic', 'create', 'one', '--queues', '1']);
    for (const line of [
      '{"propertiesBase64":{"p":"x"}}',
      '{"propertiesBase64":{"p":1}}',
      '{"propertiesBase64":"QUE="}',
      '{"bornTime":-1}',
      '{"bornTime":"now"}',
    ]) {
      const { status, stderr } = await runCli([...at, 'pub', 'one', '-i', 'json'], { input: `${line}\n` });
      expect([line, status, stderr]).toEqual([line, 1, expect.stringMatching(/^BAD_MESSAGE: line 1: /)]);
    }
  } finally {
    await broker.stop();
  }
});
