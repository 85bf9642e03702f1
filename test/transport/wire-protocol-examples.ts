/**
 * The conversation behind the examples of `docs/wire-protocol.md`: client frames written out by hand-made
 * code, broker frames as a real session answered them.
 */
import { crc32 } from 'node:zlib';
import type { MemberSink } from '../../engine/engine-thread.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  makeFrame,
  OPCODE,
  RingMQError,
  writeUint32,
  writeUint64,
} from '../../native-free/wire/index.js';
import { encodeControl } from '../../transport/control-payload.js';
import { nameServerExamples } from '../cluster/name-server-examples.js';
import { FakeEngine } from './fake-engine.js';
import { settle } from './fake-socket.js';
import { controlFrame, helloFrame, makeBatch, produceFrame, requestFrame } from './make-batch.js';
import { type Example, RecordedConversation } from './recorded-conversation.js';

const TOPIC = { topicId: 5, topic: 'orders', queues: 4, memory: false, createdTime: 1_760_000_000_000 };
const BORN_TIME = 1_760_000_001_000;
const STORE_TIME = 1_760_000_001_002;
/** Of the queue that the consumer holds. */
const HELD = { queueId: 1, generation: 3 };

/** Stamps what the broker's index stage stamps. */
function stamp(batch: Uint8Array, baseOffset: number, position: number): Uint8Array {
  const stamped = Uint8Array.from(batch);
  writeUint64(stamped, BATCH.position, position);
  writeUint64(stamped, BATCH.flushed, 4096);
  writeUint32(stamped, BATCH.epoch, 2);
  writeUint64(stamped, BATCH.baseOffset, baseOffset);
  writeUint64(stamped, BATCH.storeTime, STORE_TIME);
  const crc = crc32(stamped.subarray(16, BATCH_HEADER_BYTES), crc32(stamped.subarray(0, 12)));
  writeUint32(stamped, BATCH.headerCrc, crc);
  return stamped;
}

/** The batch of the examples: two messages, one with a tag, a key and a property. */
export function exampleBatch(): Uint8Array {
  const property = [3, 6, ...Buffer.from('region'), 1, 2, 0, ...Buffer.from('eu')];
  const attributes = Uint8Array.from([1, 3, ...Buffer.from('o-1'), ...property]);
  return makeBatch(
    [
      { body: 'hello', tag: 'paid', attributes },
      { body: 'world', bornDelta: 7 },
    ],
    {
      topicId: TOPIC.topicId,
      queueId: 1,
      bornTime: BORN_TIME,
      producerId: 0x0102_0304_0506,
      producerEpoch: 0,
      sequence: 9,
    },
  );
}

/** All examples, by the name they have in the document. */
export async function makeExamples(): Promise<Map<string, Example>> {
  const engine = new FakeEngine();
  const topic = engine.addTopic(TOPIC.topicId, TOPIC.queues);
  engine.answer = answerOf;
  const talk = new RecordedConversation(engine);
  await logIn(talk);
  await askOfTopics(talk);
  await produce(talk);
  await consume(talk, engine);
  await meetDamage(talk, engine);
  await moveOn(talk);
  await hearOfTheEnd(talk, engine);
  await talk.hears('topic-changed', () => engine.changeTopic(Object.assign(topic, { topic: 'orders' })));
  await talk.exchange('ping', makeFrame(OPCODE.ping, 12), 'pong');
  await talk.exchange('bad', controlFrame(OPCODE.welcome, 0, {}), 'error');
  talk.examples.delete('bad');
  for (const [name, frame] of await nameServerExamples()) {
    talk.add(name, frame);
  }
  return talk.examples;
}

/** What the control plane would say. */
function answerOf(method: string, params: Record<string, unknown>): object {
  if (method === 'join') {
    return { memberId: '7f3a9c1e5b2d4860', topic: TOPIC };
  }
  if (method === 'seek') {
    return { queues: [{ queueId: 1, offset: 42 }] };
  }
  if (method === 'commit') {
    return { fenced: [] };
  }
  if (method === 'topicMetadata' && params['topic'] === 'orders') {
    return TOPIC;
  }
  return new RingMQError('TOPIC_NOT_FOUND', 'there is no topic invoices', {
    details: { topic: 'invoices' },
  });
}

async function logIn(talk: RecordedConversation): Promise<void> {
  await talk.exchange('hello', helloFrame({ client: 'my-client 1.0' }), 'welcome');
  const login = { scheme: 'scram', user: 'user', nonce: 'rOprNGfwEbeRWgbNEkqO' };
  talk.add('hello-login', helloFrame({ client: 'my-client 1.0', credentials: login }));
  const challenge = {
    nonce: `${login.nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`,
    salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
    iterations: 4096,
  };
  talk.add('challenge', makeFrame(OPCODE.challenge, 0, { payload: encodeControl(challenge) }));
  const proof = { proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=' };
  talk.add('proof', makeFrame(OPCODE.proof, 0, { payload: encodeControl(proof) }));
}

async function askOfTopics(talk: RecordedConversation): Promise<void> {
  await talk.exchange('request', requestFrame(1, 'topicMetadata', { topic: 'orders' }), 'response');
  const missing = requestFrame(2, 'topicMetadata', { topic: 'invoices' });
  await talk.exchange('request-failing', missing, 'response-failed');
}

async function produce(talk: RecordedConversation): Promise<void> {
  const batch = exampleBatch();
  talk.add('batch', batch, 'a batch as a producer sends it');
  await talk.exchange('produce', produceFrame(100, batch), 'ack');
  const [a, b] = ['a', 'b'].map((body) => makeBatch([{ body }], { topicId: 5 }));
  talk.add('produce-two', produceFrame(101, a as Uint8Array, b as Uint8Array));
  talk.add('credit-produce', makeFrame(OPCODE.credit, 0, { value: 6_291_456 }));
}

async function consume(talk: RecordedConversation, engine: FakeEngine): Promise<void> {
  const join = {
    consumer: 1,
    group: 'billing',
    topic: 'orders',
    filter: 'paid || refunded',
    from: 'earliest',
    memberId: null,
    onDamage: 'tell',
  };
  await talk.exchange('join', requestFrame(3, 'join', join), 'join-response');
  await talk.hears('assign', () =>
    memberOf(engine).onEvent({ event: 'assign', queues: [{ ...HELD, offset: 42 }] }),
  );
  const stamped = stamp(exampleBatch(), 42, 8192);
  const { batches } = engine.queue(TOPIC.topicId, 1);
  batches.splice(0, batches.length, { baseOffset: 42, count: 2, bytes: stamped });
  batches.push({ baseOffset: 44, count: 6, bytes: makeBatch([{ body: 'filtered out' }]) });
  await talk.exchange('credit-deliver', makeFrame(OPCODE.credit, 1, { value: 1_048_576 }), 'deliver', 'skip');
  const commit = { consumer: 1, offsets: [{ ...HELD, offset: 44 }] };
  await talk.exchange('commit', requestFrame(4, 'commit', commit), 'commit-response');
}

async function meetDamage(talk: RecordedConversation, engine: FakeEngine): Promise<void> {
  const queue = engine.queue(TOPIC.topicId, 1);
  Object.assign(queue, { nextOffset: 53, damageEnd: 53 });
  queue.damage = 'log position 4096: the batch header does not match its checksum or place';
  await talk.hears('queue-damaged', () => {
    engine.progress();
    return settle();
  });
  const skip = requestFrame(7, 'skipDamage', { consumer: 1, ...HELD });
  await talk.exchange('skip-damage', skip, 'skip-damaged', 'skip-damage-response');
  talk.examples.delete('skip-damaged');
  const report = requestFrame(11, 'reportDamage', { consumer: 1, ...HELD, offset: 42 });
  await talk.exchange('report-damage', report, 'report-damage-response');
}

async function moveOn(talk: RecordedConversation): Promise<void> {
  const at = { queues: [{ ...HELD, offset: 53 }] };
  const flow = requestFrame(8, 'flow', { consumer: 1, ...at });
  await talk.exchange('flow', flow, 'flow-event', 'flow-response');
  const seek = { consumer: 1, queues: [HELD], to: { offset: 42 } };
  await talk.exchange('seek', requestFrame(9, 'seek', seek), 'seek-response');
  const reader = {
    consumer: 2,
    group: null,
    topic: 'orders',
    filter: '*',
    from: 'latest',
    memberId: null,
    onDamage: 'tell',
    queueIds: [1],
    positions: { topicId: TOPIC.topicId, ...at },
  };
  talk.add('join-reader', requestFrame(10, 'join', reader));
}

/** The consumer, as the control plane knows it. */
function memberOf(engine: FakeEngine): MemberSink {
  return [...engine.members.values()][0] as MemberSink;
}

async function hearOfTheEnd(talk: RecordedConversation, engine: FakeEngine): Promise<void> {
  const member = memberOf(engine);
  const queues = [{ queueId: 1, from: 12, to: 42 }];
  await talk.hears('expired', () => member.onEvent({ event: 'expired', queues }));
  await talk.hears('revoke', () => member.onEvent({ event: 'revoke', queues: [HELD] }));
  talk.add('released', requestFrame(5, 'released', { consumer: 1, queues: [HELD] }));
  talk.add('leave', requestFrame(6, 'leave', { consumer: 1 }));
  const message = 'the topic orders was deleted';
  await talk.hears('ended', () => member.onEvent({ event: 'ended', code: 'TOPIC_NOT_FOUND', message }));
}

/** 16 bytes a line. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, '0'));
    lines.push(`${at.toString(16).padStart(4, '0')}  ${row.join(' ')}`);
  }
  return lines.join('\n');
}
