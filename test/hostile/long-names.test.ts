/** Names of any length, everywhere a request has one: the answer is an error of a bounded size, and the broker goes on. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OPCODE } from '../../native-free/wire/index.js';
import { decodePayload, helloFrame, parseFrame, requestFrame } from '../transport/make-batch.js';
import { BrokerProcess } from './broker-process.js';
import { KINDS } from './kinds.js';
import { RawPeer } from './raw-peer.js';

const LONG = 'a'.repeat(4_194_200);
const REQUESTS: [method: string, params: object, code: string][] = [
  ['topicMetadata', { topic: LONG }, 'TOPIC_NOT_FOUND'],
  ['describeTopic', { topic: LONG }, 'TOPIC_NOT_FOUND'],
  ['createTopic', { topic: LONG, queues: 1, memory: false }, 'BAD_ARGUMENT'],
  ['deleteTopic', { topic: LONG }, 'TOPIC_NOT_FOUND'],
  ['describeGroup', { group: LONG }, 'GROUP_NOT_FOUND'],
  ['resetOffset', { group: 'g', topic: LONG, to: 'latest' }, 'TOPIC_NOT_FOUND'],
  ['resetOffset', { group: LONG, topic: 'there', to: 'latest' }, 'GROUP_NOT_FOUND'],
  ['join', { consumer: 1, group: 'g', topic: LONG, from: 'earliest' }, 'TOPIC_NOT_FOUND'],
  ['join', { consumer: 2, group: LONG, topic: 'there', from: 'earliest' }, 'BAD_ARGUMENT'],
  ['join', { consumer: 3, group: 'g', topic: 'there', from: 'earliest', memberId: LONG }, 'BAD_ARGUMENT'],
  ['join', { consumer: 4, group: 'g', topic: 'there', from: 'earliest', filter: LONG }, 'BAD_FILTER'],
  [
    'join',
    { consumer: 5, group: 'g', topic: 'there', from: 'earliest', filter: `a${'||a'.repeat(1_398_000)}` },
    'BAD_FILTER',
  ],
  ['join', { consumer: 6, group: 'g', topic: 'there', from: LONG }, 'BAD_REQUEST'],
  ['commit', { consumer: LONG, offsets: [] }, 'BAD_REQUEST'],
  ['commit', { consumer: { toString: 1 }, offsets: [] }, 'BAD_REQUEST'],
  ['leave', { consumer: Array.from({ length: 900 }, () => 0) }, 'BAD_REQUEST'],
  [LONG, {}, 'NOT_SUPPORTED'],
];

describe.each(KINDS)('names without end over %s', (kind) => {
  let broker: BrokerProcess;
  let peer: RawPeer;
  let nextId = 1;

  beforeAll(async () => {
    broker = await BrokerProcess.start(kind);
    peer = await RawPeer.open(broker.port);
    peer.send(helloFrame());
    await ask('createTopic', { topic: 'there', queues: 1, memory: false });
  });
  afterAll(async () => {
    peer.destroy();
    await broker.stop();
  });

  async function ask(
    method: string,
    params: object,
  ): Promise<{ bytes: number; body: Record<string, unknown> }> {
    const id = nextId++;
    peer.send(requestFrame(id, method, params));
    let answer: Uint8Array | undefined;
    await peer.until(() => {
      answer = peer.heard.map(({ payload }) => payload).find((frame) => isAnswer(frame, id));
      return answer !== undefined || peer.isClosed;
    });
    expect(answer, `no answer from the broker, which logged: ${broker.log}`).toBeDefined();
    const frame = answer as Uint8Array;
    return { bytes: frame.length, body: decodePayload(parseFrame(frame)) };
  }

  test.each(
    REQUESTS.map(([method, params, code], i) => ({
      name: `${i} ${method.slice(0, 20)}`,
      method,
      params,
      code,
    })),
  )('$name is refused with $code', async ({ method, params, code }) => {
    const { bytes, body } = await ask(method, params);
    expect(body['code']).toBe(code);
    expect(bytes).toBeLessThan(4_096);
    expect(await ask('topicMetadata', { topic: 'there' })).toMatchObject({ body: { queues: 1 } });
    expect(broker.isAlive).toBe(true);
  });
});

function isAnswer(frame: Uint8Array, id: number): boolean {
  const parsed = parseFrame(frame);
  return parsed.opcode === OPCODE.response && parsed.id === id;
}
