import { describe, expect, test } from 'vitest';
import {
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  makeFrame,
  OPCODE,
  RingMQError,
} from '../../native-free/wire/index.js';
import {
  assign,
  BIG_CREDIT,
  batchesOf,
  credit,
  engineWithTopic,
  eventsOf,
  joined,
  skipsOf,
  TOPIC,
} from './consuming.js';
import { FAKE_PASSED_BATCHES } from './fake-engine.js';
import { open, settle, welcome } from './fake-socket.js';
import { decodePayload, makeBatch, type ParsedFrame, requestFrame } from './make-batch.js';

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
