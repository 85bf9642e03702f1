/**
 * The conversation behind the examples of `docs/wire-protocol.md`: client frames written out by hand-made
 * code, broker frames as a real session answered them.
 */
import { crc32 } from 'node:zlib';
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
import { SessionHost } from '../../transport/session-host.js';
import { nameServerExamples } from '../cluster/name-server-examples.js';
import { FakeEngine } from './fake-engine.js';
import { FakeSocket, settle } from './fake-socket.js';
import {
  controlFrame,
  decodePayload,
  helloFrame,
  makeBatch,
  parseFrame,
  produceFrame,
  requestFrame,
} from './make-batch.js';

export interface Example {
  bytes: Uint8Array;
  /** What the bytes say, for the comment above them. */
  note: string;
}

const TOPIC = { topicId: 5, topic: 'orders', queues: 4, memory: false, createdTime: 1_760_000_000_000 };
const BORN_TIME = 1_760_000_001_000;
const STORE_TIME = 1_760_000_001_002;
const GENERATION = 3;

class Recorder extends FakeSocket {
  readonly raw: Uint8Array[] = [];
  override send(frame: Uint8Array): void {
    if (this.closed === null) {
      this.raw.push(Uint8Array.prototype.slice.call(frame));
    }
    super.send(frame);
  }
}

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

function describe(bytes: Uint8Array): string {
  const frame = parseFrame(bytes);
  const name = Object.entries(OPCODE).find(([, opcode]) => opcode === frame.opcode)?.[0];
  const head = `${name}: flags ${frame.flags}, id ${frame.id}, value ${frame.value}`;
  const isControl =
    frame.payload.length > 0 &&
    ![OPCODE.produce, OPCODE.deliver, OPCODE.ack, OPCODE.skip].includes(frame.opcode as never);
  return isControl ? `${head}, payload ${JSON.stringify(decodePayload(frame))}` : head;
}

/** All examples, by the name they have in the document. */
export async function makeExamples(): Promise<Map<string, Example>> {
  const examples = new Map<string, Example>();
  const engine = new FakeEngine();
  const topic = engine.addTopic(TOPIC.topicId, TOPIC.queues);
  const socket = new Recorder();
  const session = new SessionHost(engine, { listener: 'uws' }).open(socket);
  socket.handler = session;
  const add = (name: string, bytes: Uint8Array, note = describe(bytes)): void => {
    examples.set(name, { bytes, note });
  };
  /** Sends a frame, and records the frames it is answered by. */
  const exchange = async (name: string, frame: Uint8Array, ...answers: string[]): Promise<void> => {
    add(name, frame);
    socket.raw.length = 0;
    session.onFrame(frame);
    await settle();
    engine.progress();
    await settle();
    for (const [i, answer] of answers.entries()) {
      const bytes = socket.raw[i];
      if (bytes === undefined) {
        throw new Error(`${name} was not answered by ${answer}`);
      }
      add(answer, bytes);
    }
  };

  engine.answer = (method, params) => {
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
  };
  await exchange('hello', helloFrame({ client: 'my-client 1.0' }), 'welcome');
  const login = { scheme: 'scram', user: 'user', nonce: 'rOprNGfwEbeRWgbNEkqO' };
  add('hello-login', helloFrame({ client: 'my-client 1.0', credentials: login }));
  const challenge = {
    nonce: `${login.nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`,
    salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
    iterations: 4096,
  };
  add('challenge', makeFrame(OPCODE.challenge, 0, { payload: encodeControl(challenge) }));
  const proof = { proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=' };
  add('proof', makeFrame(OPCODE.proof, 0, { payload: encodeControl(proof) }));
  await exchange('request', requestFrame(1, 'topicMetadata', { topic: 'orders' }), 'response');
  await exchange(
    'request-failing',
    requestFrame(2, 'topicMetadata', { topic: 'invoices' }),
    'response-failed',
  );
  const batch = exampleBatch();
  add('batch', batch, 'a batch as a producer sends it');
  await exchange('produce', produceFrame(100, batch), 'ack');
  add(
    'produce-two',
    produceFrame(101, makeBatch([{ body: 'a' }], { topicId: 5 }), makeBatch([{ body: 'b' }], { topicId: 5 })),
  );
  add('credit-produce', makeFrame(OPCODE.credit, 0, { value: 6_291_456 }));

  const join = {
    consumer: 1,
    group: 'billing',
    topic: 'orders',
    filter: 'paid || refunded',
    from: 'earliest',
    memberId: null,
    onDamage: 'tell',
  };
  await exchange('join', requestFrame(3, 'join', join), 'join-response');
  const member = [...engine.members.values()][0];
  socket.raw.length = 0;
  member?.onEvent({ event: 'assign', queues: [{ queueId: 1, generation: GENERATION, offset: 42 }] });
  add('assign', socket.raw[0] as Uint8Array);
  const stamped = stamp(batch, 42, 8192);
  const queue = engine.queue(TOPIC.topicId, 1);
  queue.batches.splice(0, queue.batches.length, { baseOffset: 42, count: 2, bytes: stamped });
  const untagged = { baseOffset: 44, count: 6, bytes: makeBatch([{ body: 'filtered out' }]) };
  queue.batches.push(untagged);
  await exchange('credit-deliver', makeFrame(OPCODE.credit, 1, { value: 1_048_576 }), 'deliver', 'skip');
  await exchange(
    'commit',
    requestFrame(4, 'commit', { consumer: 1, offsets: [{ queueId: 1, generation: GENERATION, offset: 44 }] }),
    'commit-response',
  );
  Object.assign(queue, { nextOffset: 53, damageEnd: 53 });
  queue.damage = 'log position 4096: the batch header does not match its checksum or place';
  socket.raw.length = 0;
  engine.progress();
  await settle();
  add('queue-damaged', socket.raw[0] as Uint8Array);
  await exchange(
    'skip-damage',
    requestFrame(7, 'skipDamage', { consumer: 1, queueId: 1, generation: GENERATION }),
    'skip-damaged',
    'skip-damage-response',
  );
  examples.delete('skip-damaged');
  await exchange(
    'report-damage',
    requestFrame(11, 'reportDamage', { consumer: 1, queueId: 1, generation: GENERATION, offset: 42 }),
    'report-damage-response',
  );
  await exchange(
    'flow',
    requestFrame(8, 'flow', { consumer: 1, queues: [{ queueId: 1, generation: GENERATION, offset: 53 }] }),
    'flow-event',
    'flow-response',
  );
  await exchange(
    'seek',
    requestFrame(9, 'seek', {
      consumer: 1,
      queues: [{ queueId: 1, generation: GENERATION }],
      to: { offset: 42 },
    }),
    'seek-response',
  );
  add(
    'join-reader',
    requestFrame(10, 'join', {
      consumer: 2,
      group: null,
      topic: 'orders',
      filter: '*',
      from: 'latest',
      memberId: null,
      onDamage: 'tell',
      queueIds: [1],
      positions: {
        topicId: TOPIC.topicId,
        queues: [{ queueId: 1, generation: GENERATION, offset: 53 }],
      },
    }),
  );
  socket.raw.length = 0;
  member?.onEvent({ event: 'expired', queues: [{ queueId: 1, from: 12, to: 42 }] });
  add('expired', socket.raw[0] as Uint8Array);
  socket.raw.length = 0;
  member?.onEvent({ event: 'revoke', queues: [{ queueId: 1, generation: GENERATION }] });
  add('revoke', socket.raw[0] as Uint8Array);
  add(
    'released',
    requestFrame(5, 'released', { consumer: 1, queues: [{ queueId: 1, generation: GENERATION }] }),
  );
  add('leave', requestFrame(6, 'leave', { consumer: 1 }));
  socket.raw.length = 0;
  member?.onEvent({ event: 'ended', code: 'TOPIC_NOT_FOUND', message: 'the topic orders was deleted' });
  add('ended', socket.raw[0] as Uint8Array);
  socket.raw.length = 0;
  engine.changeTopic(Object.assign(topic, { topic: 'orders' }));
  add('topic-changed', socket.raw[0] as Uint8Array);
  await exchange('ping', makeFrame(OPCODE.ping, 12), 'pong');
  await exchange('bad', controlFrame(OPCODE.welcome, 0, {}), 'error');
  examples.delete('bad');
  for (const [name, frame] of await nameServerExamples()) {
    add(name, frame);
  }
  return examples;
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
