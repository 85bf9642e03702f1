import { describe, expect, test } from 'vitest';
import {
  BATCH,
  type ControlEvent,
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  makeFrame,
  OPCODE,
  RingMQError,
  readUint32,
  readUint64,
  slotAligned,
} from '../../native-free/wire/index.js';
import type { SessionOptions } from '../../transport/session-options.js';
import { FAKE_PASSED_BATCHES, FakeEngine } from './fake-engine.js';
import { type FakeSocket, open, type Peer, settle, welcome } from './fake-socket.js';
import { decodePayload, makeBatch, type ParsedFrame, requestFrame } from './make-batch.js';

const TOPIC = { topicId: 1, topic: 'topic-1', queues: 8, memory: false, createdTime: 0 };

function engineWithTopic(): FakeEngine {
  const engine = new FakeEngine();
  engine.addTopic(1, 8);
  engine.answer = (method) => (method === 'join' ? { memberId: 'm1', topic: TOPIC } : {});
  return engine;
}

async function joined(
  engine: FakeEngine,
  params: object = {},
  options: Partial<SessionOptions> = {},
): Promise<Peer & { tell: (event: ControlEvent) => void }> {
  const peer = welcome(open(engine, options));
  peer.session.onFrame(requestFrame(1, 'join', { consumer: 5, group: 'g', topic: 'topic-1', ...params }));
  await settle();
  expect(peer.socket.take(OPCODE.response)).toMatchObject([{ id: 1, flags: 0 }]);
  const [member] = [...engine.members.values()];
  return { ...peer, tell: (event) => member?.onEvent(event) };
}

function assign(...queues: [queueId: number, offset: number][]): ControlEvent {
  return { event: 'assign', queues: queues.map(([queueId, offset]) => ({ queueId, offset, generation: 1 })) };
}

function credit(bytes: number): Uint8Array {
  return makeFrame(OPCODE.credit, 5, { value: bytes });
}

/** [queue, base offset] of the batches of deliver frames, in order. */
function batchesOf(frames: ParsedFrame[]): [number, number][] {
  return frames.flatMap(({ payload }) => {
    const found: [number, number][] = [];
    for (let at = 0; at < payload.length; at += slotAligned(readUint32(payload, at))) {
      found.push([readUint32(payload, at + BATCH.queueId), readUint64(payload, at + BATCH.baseOffset)]);
    }
    return found;
  });
}

function eventsOf(socket: FakeSocket): Record<string, unknown>[] {
  return socket.take(OPCODE.event).map(decodePayload);
}

function skipsOf(socket: FakeSocket): number[][] {
  return socket
    .take(OPCODE.skip)
    .map(({ payload }) => [readUint32(payload, 0), readUint32(payload, 4), readUint64(payload, 8)]);
}

const BIG_CREDIT = 1e9;

describe('joining', () => {
  test('events wait for the answer, deliveries for credit', async () => {
    const engine = engineWithTopic();
    engine.store(makeBatch([{ body: 'a' }]));
    const { session, socket } = welcome(open(engine));
    engine.answer = () => {
      for (const member of engine.members.values()) {
        member.onEvent(assign([0, 0]));
      }
      return { memberId: 'm1', topic: TOPIC };
    };
    session.onFrame(requestFrame(1, 'join', { consumer: 5, group: 'g', topic: 'topic-1' }));
    await settle();
    expect(socket.frames.map(({ opcode }) => opcode)).toEqual([OPCODE.response, OPCODE.event]);
    expect(engine.calls[0]?.params).toMatchObject({ consumer: 5, filter: '*', memberId: null });
    session.onFrame(credit(BIG_CREDIT));
    await settle();
    expect(batchesOf(socket.take(OPCODE.deliver))).toEqual([[0, 0]]);
  });

  test.each([
    ['a bad filter', { consumer: 5, filter: 'a ||' }, 'BAD_FILTER'],
    ['no consumer number', {}, 'BAD_REQUEST'],
    ['consumer 0', { consumer: 0 }, 'BAD_REQUEST'],
    ['damage that is neither told nor the end', { consumer: 5, onDamage: 'skip' }, 'BAD_REQUEST'],
    ['a filter that is no string', { consumer: 5, filter: 1 }, 'BAD_REQUEST'],
  ])('%s is refused', async (_what, params, code) => {
    const engine = engineWithTopic();
    const { session, socket } = welcome(open(engine));
    session.onFrame(requestFrame(1, 'join', { group: 'g', topic: 'topic-1', ...params }));
    await settle();
    const [response] = socket.take(OPCODE.response);
    expect(response?.flags).toBe(FRAME_FLAG.failed);
    expect(decodePayload(response as ParsedFrame)['code']).toBe(code);
    expect(engine.members.size).toBe(0);
    expect(socket.closed).toBeNull();
  });

  test('a number in use is refused, one whose join failed is free again', async () => {
    const engine = engineWithTopic();
    const { session, socket } = await joined(engine);
    const again = requestFrame(2, 'join', { consumer: 5, group: 'g', topic: 'topic-1' });
    session.onFrame(again);
    await settle();
    expect(socket.take(OPCODE.response).map((frame) => decodePayload(frame)['code'])).toEqual([
      'BAD_ARGUMENT',
    ]);
    session.onFrame(requestFrame(3, 'leave', { consumer: 5 }));
    await settle();
    engine.answer = () => new RingMQError('TOPIC_NOT_FOUND');
    session.onFrame(again);
    await settle();
    engine.answer = () => ({ memberId: 'm2', topic: TOPIC });
    session.onFrame(again);
    await settle();
    expect(socket.take(OPCODE.response).map(({ flags }) => flags)).toEqual([0, 1, 0]);
    expect(engine.members.size).toBe(1);
  });
});

describe('delivery', () => {
  test('queues take turns in frames within the credit', async () => {
    const engine = engineWithTopic();
    const body = 'x'.repeat(1000);
    for (let i = 0; i < 6; i++) {
      engine.store(makeBatch([{ body }], { queueId: i % 2 }));
    }
    const { session, socket, tell } = await joined(engine, {}, { deliverFrameBytes: 1500 });
    tell(assign([0, 0], [1, 1]));
    expect(eventsOf(socket)).toEqual([{ ...assign([0, 0], [1, 1]) }]);
    session.onFrame(credit(1));
    await settle();
    // A batch that does not fit goes alone while any credit is left.
    let frames = socket.take(OPCODE.deliver);
    expect(batchesOf(frames)).toEqual([[0, 0]]);
    expect(frames[0]?.id).toBe(5);
    session.onFrame(credit(FRAME_HEADER_BYTES + (frames[0] as ParsedFrame).payload.length));
    await settle();
    expect(socket.take(OPCODE.deliver)).toHaveLength(0);
    session.onFrame(credit(BIG_CREDIT));
    await settle();
    frames = socket.take(OPCODE.deliver);
    expect(frames).toHaveLength(4);
    expect(batchesOf(frames)).toEqual([
      [1, 1],
      [0, 1],
      [1, 2],
      [0, 2],
    ]);
  });

  test('small batches of many queues share a frame', async () => {
    const engine = engineWithTopic();
    for (let i = 0; i < 16; i++) {
      engine.store(makeBatch([{ body: `m${i}` }], { queueId: i % 8 }));
    }
    const { session, socket, tell } = await joined(engine);
    session.onFrame(credit(BIG_CREDIT));
    tell(assign(...Array.from({ length: 8 }, (_, i): [number, number] => [i, 0])));
    await settle();
    const frames = socket.take(OPCODE.deliver);
    expect(frames).toHaveLength(1);
    expect(batchesOf(frames)).toEqual(Array.from({ length: 16 }, (_, i) => [i >> 1, i & 1]));
  });

  test('what comes later wakes the consumer', async () => {
    const engine = engineWithTopic();
    const { session, socket, tell } = await joined(engine);
    session.onFrame(credit(BIG_CREDIT));
    tell(assign([3, 0]));
    await settle();
    expect(socket.take(OPCODE.deliver)).toHaveLength(0);
    for (let i = 0; i < 3; i++) {
      engine.store(makeBatch([{ body: 'x' }], { queueId: 3 }));
      engine.progress();
      await settle();
      expect(batchesOf(socket.take(OPCODE.deliver))).toEqual([[3, i]]);
    }
  });

  test('it pauses while the socket is behind', async () => {
    const engine = engineWithTopic();
    engine.store(makeBatch([{ body: 'x' }]));
    const { session, socket, tell } = await joined(engine, {}, { maxBufferedBytes: 1000 });
    socket.bufferedBytes = 1000;
    session.onFrame(credit(BIG_CREDIT));
    tell(assign([0, 0]));
    await settle();
    expect(socket.take(OPCODE.deliver)).toHaveLength(0);
    socket.bufferedBytes = 999;
    session.onDrain();
    await settle();
    expect(batchesOf(socket.take(OPCODE.deliver))).toEqual([[0, 0]]);
  });

  test('a long backlog is delivered in turns, other work in between', async () => {
    const engine = engineWithTopic();
    const body = 'x'.repeat(10_000);
    for (let i = 0; i < 100; i++) {
      engine.store(makeBatch([{ body }]));
    }
    const { session, socket, tell } = await joined(
      engine,
      {},
      { deliverFrameBytes: 20_000, deliverTurnBytes: 50_000 },
    );
    session.onFrame(credit(BIG_CREDIT));
    tell(assign([0, 0]));
    await Promise.resolve();
    const first = socket.take(OPCODE.deliver).length;
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(10);
    for (let i = 0; i < 50; i++) {
      await settle();
    }
    expect(first + socket.take(OPCODE.deliver).length).toBe(100);
  });

  test('filtered batches are passed over, and the end of a gap is told', async () => {
    const engine = engineWithTopic();
    const tags = ['a', 'b', 'b', 'a', 'b', 'b'];
    for (const tag of tags) {
      engine.store(makeBatch([{ body: tag, tag }]));
    }
    const { session, socket, tell } = await joined(engine, { filter: 'a || none-such' });
    session.onFrame(credit(BIG_CREDIT));
    tell(assign([0, 0]));
    await settle();
    expect(batchesOf(socket.take(OPCODE.deliver))).toEqual([
      [0, 0],
      [0, 3],
    ]);
    expect(skipsOf(socket)).toEqual([[1, 0, 6]]);
    engine.progress();
    await settle();
    expect(skipsOf(socket)).toEqual([]);
  });

  test('of a long backlog that the filter does not want, the client hears while it is passed over', async () => {
    const engine = engineWithTopic();
    const count = 20 * FAKE_PASSED_BATCHES;
    for (let i = 0; i < count; i++) {
      engine.store(makeBatch([{ body: 'b', tag: 'b' }]));
    }
    const { session, socket, tell } = await joined(engine, { filter: 'a' });
    session.onFrame(credit(BIG_CREDIT));
    tell(assign([0, 0]));
    await Promise.resolve();
    // One turn's budget later there is work left, and what was passed over is known.
    const first = skipsOf(socket).at(-1)?.[2] as number;
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(count);
    for (let i = 0; i < 20; i++) {
      await settle();
    }
    expect(skipsOf(socket).at(-1)).toEqual([1, 0, count]);
  });

  test('what is no longer stored is told, then delivery goes on', async () => {
    const engine = engineWithTopic();
    for (let i = 0; i < 5; i++) {
      engine.store(makeBatch([{ body: 'x' }]));
    }
    const queue = engine.queue(1, 0);
    queue.batches.splice(0, 3);
    queue.minOffset = 3;
    const { session, socket, tell } = await joined(engine);
    session.onFrame(credit(BIG_CREDIT));
    tell(assign([0, 0]));
    await settle();
    const order = socket.frames.map(({ opcode }) => opcode).filter((opcode) => opcode !== OPCODE.event);
    expect(order).toEqual([OPCODE.skip, OPCODE.deliver]);
    expect(skipsOf(socket)).toEqual([[1, 0, 3]]);
    expect(eventsOf(socket).at(-1)).toEqual({ event: 'expired', queues: [{ queueId: 0, from: 0, to: 3 }] });
    expect(engine.expiredReports).toEqual([{ key: expect.any(String), queueId: 0, from: 0, to: 3 }]);
    expect(batchesOf(socket.take(OPCODE.deliver))).toEqual([
      [0, 3],
      [0, 4],
    ]);
  });

  test('credit frames that come late or for nobody change nothing', async () => {
    const engine = engineWithTopic();
    engine.store(makeBatch([{ body: 'x' }]));
    const { session, socket, tell } = await joined(engine);
    session.onFrame(credit(BIG_CREDIT));
    session.onFrame(credit(0));
    session.onFrame(makeFrame(OPCODE.credit, 99, { value: 10 }));
    tell(assign([0, 0]));
    await settle();
    expect(batchesOf(socket.take(OPCODE.deliver))).toEqual([[0, 0]]);
    expect(socket.closed).toBeNull();
  });
});

describe('the end of a delivery', () => {
  test('a revoked queue gives nothing after the event', async () => {
    const engine = engineWithTopic();
    const { session, socket, tell } = await joined(engine);
    session.onFrame(credit(BIG_CREDIT));
    tell(assign([0, 0], [1, 0]));
    for (let i = 0; i < 4; i++) {
      engine.store(makeBatch([{ body: 'x' }], { queueId: i % 2 }));
    }
    const revoke: ControlEvent = { event: 'revoke', queues: [{ queueId: 0, generation: 1 }] };
    tell(revoke);
    await settle();
    expect(eventsOf(socket)).toEqual([assign([0, 0], [1, 0]), revoke]);
    expect(batchesOf(socket.take(OPCODE.deliver)).every(([queueId]) => queueId === 1)).toBe(true);
    expect(engine.readers.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    session.onFrame(requestFrame(2, 'released', { consumer: 5, queues: revoke.queues }));
    await settle();
    expect(engine.calls.at(-1)).toMatchObject({ method: 'released', key: [...engine.members.keys()][0] });
  });

  test('damage and a deleted topic end the consumer, after what was read before', async () => {
    const engine = engineWithTopic();
    engine.store(makeBatch([{ body: 'good' }], { queueId: 0 }));
    engine.queue(1, 1).damage = 'segment 0 is gone';
    const { session, socket, tell } = await joined(engine);
    session.onFrame(credit(BIG_CREDIT));
    tell(assign([0, 0], [1, 0]));
    await settle();
    expect(socket.frames.map(({ opcode }) => opcode)).toEqual([OPCODE.event, OPCODE.deliver, OPCODE.event]);
    expect(eventsOf(socket)[1]).toMatchObject({ event: 'ended', code: 'LOG_CORRUPT' });
    expect(engine.members.size).toBe(0);
    expect(engine.readers.every(({ isClosed }) => isClosed)).toBe(true);

    const other = engineWithTopic();
    const consumer = await joined(other);
    consumer.tell(assign([0, 0]));
    consumer.session.onFrame(credit(BIG_CREDIT));
    await settle();
    other.changeTopic(other.met.get(1) as never);
    await settle();
    const events = eventsOf(consumer.socket).map(({ event }) => event);
    expect(events).toEqual(['assign', 'topicChanged', 'ended']);
  });

  test('damage ends its queue alone for who asks to be told, until it is passed over', async () => {
    const engine = engineWithTopic();
    for (let i = 0; i < 4; i++) {
      engine.store(makeBatch([{ body: 'x' }], { queueId: i % 2 }));
    }
    const damaged = engine.queue(1, 1);
    damaged.damage = 'segment 0 is gone';
    damaged.damageEnd = 1;
    const { session, socket, tell } = await joined(engine, { onDamage: 'tell' });
    session.onFrame(credit(BIG_CREDIT));
    tell(assign([0, 0], [1, 0]));
    await settle();
    expect(batchesOf(socket.take(OPCODE.deliver))).toEqual([
      [0, 0],
      [0, 1],
    ]);
    const told = eventsOf(socket)[1];
    expect(told).toMatchObject({
      event: 'queueDamaged',
      queueId: 1,
      generation: 1,
      offset: 0,
      position: 4096,
      code: 'LOG_CORRUPT',
    });
    expect(told?.['message']).toContain('queue 1 of topic-1, offset 0: segment 0 is gone');
    expect(engine.members.size).toBe(1);

    engine.store(makeBatch([{ body: 'y' }], { queueId: 0 }));
    engine.progress();
    await settle();
    expect(batchesOf(socket.take(OPCODE.deliver))).toEqual([[0, 2]]);

    const pass = { consumer: 5, queueId: 1, generation: 1 };
    session.onFrame(requestFrame(2, 'skipDamage', { ...pass, generation: 2 }));
    session.onFrame(requestFrame(3, 'skipDamage', pass));
    session.onFrame(requestFrame(4, 'skipDamage', pass));
    await settle();
    const answers = socket.take(OPCODE.response).sort((a, b) => a.id - b.id);
    expect(answers.map(decodePayload)).toMatchObject([
      { code: 'BAD_ARGUMENT' },
      { offset: 1 },
      { code: 'BAD_ARGUMENT' },
    ]);
    expect(skipsOf(socket)).toEqual([[1, 1, 1]]);
    expect(batchesOf(socket.take(OPCODE.deliver))).toEqual([[1, 1]]);
    expect(socket.closed).toBeNull();
  });

  test('flow stops a queue and begins it anew, and a stale generation changes nothing', async () => {
    const engine = engineWithTopic();
    for (let i = 0; i < 4; i++) {
      engine.store(makeBatch([{ body: 'x' }], { queueId: i % 2 }));
    }
    const { session, socket, tell } = await joined(engine);
    tell(assign([0, 0], [1, 0]));
    const flow = (id: number, queueId: number, generation: number, offset: number | null) =>
      session.onFrame(requestFrame(id, 'flow', { consumer: 5, queues: [{ queueId, generation, offset }] }));
    flow(2, 0, 1, null);
    flow(3, 1, 9, null);
    session.onFrame(credit(BIG_CREDIT));
    await settle();
    expect(batchesOf(socket.take(OPCODE.deliver))).toEqual([
      [1, 0],
      [1, 1],
    ]);
    flow(4, 0, 1, 1);
    await settle();
    expect(eventsOf(socket).at(-1)).toEqual({
      event: 'flow',
      queues: [{ queueId: 0, generation: 1, offset: 1 }],
    });
    expect(batchesOf(socket.take(OPCODE.deliver))).toEqual([[0, 1]]);
    for (const queues of [null, [{ queueId: 0 }], [{ queueId: 0, generation: 1, offset: -1 }]]) {
      session.onFrame(requestFrame(5, 'flow', { consumer: 5, queues }));
    }
    await settle();
    const refused = socket.take(OPCODE.response).filter(({ id }) => id === 5);
    expect(refused.map(decodePayload)).toMatchObject(refused.map(() => ({ code: 'BAD_REQUEST' })));
    expect(refused).toHaveLength(3);
    // A member that leaves has no queues to stop.
    expect(socket.closed).toBeNull();
  });

  test('leaving and losing the connection close readers and remove the member', async () => {
    for (const how of ['leave', 'close'] as const) {
      const engine = engineWithTopic();
      const { session, socket, tell } = await joined(engine);
      tell(assign([0, 0], [1, 0]));
      if (how === 'leave') {
        session.onFrame(requestFrame(2, 'leave', { consumer: 5 }));
      } else {
        socket.close(1001, '');
      }
      await settle();
      expect(engine.members.size).toBe(0);
      expect(engine.readers.every(({ isClosed }) => isClosed)).toBe(true);
      session.onFrame(credit(BIG_CREDIT));
      await settle();
    }
  });

  test('a connection lost while joining does not leave a member behind', async () => {
    const engine = engineWithTopic();
    let answer: (value: unknown) => void = () => {};
    engine.answer = (method) =>
      method === 'join' ? new Promise((resolve) => (answer = resolve)) : Promise.resolve({});
    const { session, socket } = welcome(open(engine));
    session.onFrame(requestFrame(1, 'join', { consumer: 5, group: 'g', topic: 'topic-1' }));
    await settle();
    socket.close(1001, '');
    answer({ memberId: 'm1', topic: TOPIC });
    await settle();
    expect(engine.members.size).toBe(0);
    expect(engine.calls.map(({ method }) => method)).toEqual(['join', 'leave']);
  });
});
