/**
 * How a session holds producers back: batches wait for room in their order, and credit says how much may be
 * sent.
 */
import { describe, expect, test } from 'vitest';
import { BATCH, ERRORS, OPCODE, readUint32 } from '../../native-free/wire/index.js';
import type { FakeEngine } from './fake-engine.js';
import { join, open, settle, welcome } from './fake-socket.js';
import { makeBatch, produceFrame } from './make-batch.js';
import { acksOf, engineWithTopic, ONE } from './producing.js';

describe('a full ring', () => {
  test('frames wait in order, credit stands still, and goes on when there is room', async () => {
    const engine = engineWithTopic();
    engine.room = 1;
    const frame = produceFrame(0, ONE, ONE);
    const { session, socket } = welcome(open(engine, { produceWindowBytes: frame.length * 4 }));
    for (let i = 0; i < 4; i++) {
      session.onFrame(Buffer.from(produceFrame(i * 2, ONE, ONE)));
    }
    engine.progress();
    await settle();
    expect(acksOf(socket).map(({ id }) => id)).toEqual([0]);
    expect(socket.take(OPCODE.credit)).toHaveLength(0);
    engine.giveRoom(2);
    engine.giveRoom(1);
    engine.progress();
    await settle();
    expect(acksOf(socket).map(({ id }) => id)).toEqual([1, 2, 3]);
    engine.giveRoom(100);
    engine.progress();
    await settle();
    const acks = socket.frames.filter(({ opcode }) => opcode === OPCODE.ack);
    expect(acks.at(-1)?.value).toBe(frame.length * 8);
    expect(acksOf(socket).map(({ id }) => id)).toEqual([4, 5, 6, 7]);
    expect(
      engine.queue(1, 0).batches.every(({ bytes }) => readUint32(bytes, BATCH.length) === ONE.length),
    ).toBe(true);
  });

  /** Memory topics 2 and 3 beside topic 1, and what has been stored of each. */
  function withMemoryTopics(): { engine: FakeEngine; stored: () => number[] } {
    const engine = engineWithTopic();
    for (const topicId of [2, 3]) {
      engine.met.set(topicId, { ...engine.addTopic(topicId, 4), memory: true });
    }
    const stored = () => [1, 2, 3].map((topicId) => engine.queue(topicId, 0).batches.length);
    return { engine, stored };
  }
  const batchFor = (topicId: number) => makeBatch([{ body: 'x' }], { topicId });

  test('a memory topic without room holds up no other topic of its connection, and keeps its order', async () => {
    const { engine, stored } = withMemoryTopics();
    engine.fullTopics.add(2);
    const mixed = [2, 1, 3, 2, 1, 3].map(batchFor);
    const { session, socket } = welcome(open(engine));
    session.onFrame(Buffer.from(produceFrame(10, ...mixed)));
    session.onFrame(Buffer.from(produceFrame(16, ...mixed)));
    engine.progress();
    await settle();
    expect(stored()).toEqual([4, 0, 4]);
    expect(acksOf(socket).map(({ id }) => id)).toEqual([11, 12, 14, 15, 17, 18, 20, 21]);
    engine.fullTopics.delete(2);
    engine.giveRoom(1);
    engine.progress();
    await settle();
    expect(acksOf(socket).map(({ id }) => id)).toEqual([10, 13, 16, 19]);
    expect(stored()).toEqual([4, 4, 4]);
  });

  test('a full log holds up no memory topic', async () => {
    const { engine, stored } = withMemoryTopics();
    engine.fullTopics.add(1);
    const { session } = welcome(open(engine));
    session.onFrame(Buffer.from(produceFrame(1, ...[1, 2, 1, 3].map(batchFor))));
    await settle();
    expect(stored()).toEqual([0, 1, 1]);
    engine.fullTopics.delete(1);
    engine.giveRoom(1);
    await settle();
    expect(stored()).toEqual([2, 1, 1]);
  });

  test('credit goes on while less than a window waits for a memory topic, and stands still then', async () => {
    const { engine, stored } = withMemoryTopics();
    engine.fullTopics.add(2);
    const frame = Buffer.from(produceFrame(1, batchFor(2)));
    const window = frame.length * 8;
    const { session, socket } = welcome(open(engine, { produceWindowBytes: window }));
    let limit = window;
    let sent = 0;
    const credit = async () => {
      await settle();
      for (const { value } of [...socket.take(OPCODE.credit), ...socket.take(OPCODE.ack)]) {
        limit = Math.max(limit, value);
      }
      return limit - sent;
    };
    while ((await credit()) >= frame.length) {
      session.onFrame(frame);
      sent += frame.length;
    }
    expect(sent).toBeGreaterThan(window);
    expect(sent).toBeLessThanOrEqual(3 * window);
    expect(socket.closed).toBeNull();
    engine.fullTopics.delete(2);
    engine.giveRoom(1);
    engine.progress();
    expect(await credit()).toBeGreaterThan(window / 2);
    expect(stored()[1]).toBe(sent / frame.length);
  });

  test('a memory topic that is deleted while batches wait for it refuses them', async () => {
    const { engine } = withMemoryTopics();
    engine.fullTopics.add(2);
    const { session, socket } = welcome(open(engine));
    session.onFrame(Buffer.from(produceFrame(1, batchFor(2), batchFor(2))));
    engine.changeTopic(engine.met.get(2) as never);
    engine.giveRoom(1);
    await settle();
    expect(acksOf(socket)).toMatchObject([
      { id: 1, status: ERRORS.TOPIC_NOT_FOUND.wire },
      { id: 2, status: ERRORS.TOPIC_NOT_FOUND.wire },
    ]);
  });

  test('a connection that goes leaves nothing behind', async () => {
    const engine = engineWithTopic();
    engine.room = 1;
    const { host, session, socket } = welcome(open(engine));
    session.onFrame(produceFrame(1, ONE, ONE));
    socket.close(1001, '');
    engine.giveRoom(10);
    engine.progress();
    await settle();
    expect(engine.appended).toBe(1);
    expect(socket.frames).toHaveLength(0);
    expect(host.connectionCount).toBe(0);
  });
});

describe('credit', () => {
  test('it is renewed when half is used, alone or with acks', async () => {
    const engine = engineWithTopic();
    const frame = produceFrame(0, ONE);
    const { session, socket } = welcome(open(engine, { produceWindowBytes: frame.length * 4 }));
    session.onFrame(frame);
    await settle();
    expect(socket.frames).toHaveLength(0);
    session.onFrame(frame);
    await settle();
    expect(socket.take(OPCODE.credit).map(({ value }) => value)).toEqual([frame.length * 6]);
    engine.progress();
    await settle();
    expect(socket.take(OPCODE.ack).map(({ value }) => value)).toEqual([frame.length * 6]);
  });

  test('more than the credit ends the connection, but an idle one may send one frame of any size', async () => {
    const engine = engineWithTopic();
    const large = produceFrame(0, makeBatch([{ body: 'x'.repeat(5000) }]));
    const { session, socket } = welcome(open(engine, { produceWindowBytes: 1000 }));
    session.onFrame(large);
    expect(socket.closed).toBeNull();
    engine.progress();
    await settle();
    expect(socket.take(OPCODE.ack)[0]?.value).toBe(large.length + 1000);
    session.onFrame(large);
    session.onFrame(large);
    expect(socket.errorCode).toBe('CREDIT_EXCEEDED');
    expect(engine.appended).toBe(2);
  });

  test('a client that leaves its acks unread gets no more credit until it reads', async () => {
    const engine = engineWithTopic();
    const frame = produceFrame(0, ONE);
    const { session, socket } = welcome(
      open(engine, { produceWindowBytes: frame.length * 2, maxBufferedBytes: 1000 }),
    );
    socket.bufferedBytes = 1001;
    session.onFrame(frame);
    await settle();
    expect(socket.take(OPCODE.credit)).toHaveLength(0);
    socket.bufferedBytes = 0;
    session.onDrain();
    await settle();
    expect(socket.take(OPCODE.credit)).toHaveLength(1);
  });

  test('many connections share a budget', () => {
    const engine = engineWithTopic();
    const first = open(engine, {
      produceWindowBytes: 1000,
      minProduceWindowBytes: 100,
      produceBudgetBytes: 3000,
    });
    for (let i = 0; i < 3; i++) {
      join(first.host);
    }
    expect(first.host.produceWindowBytes).toBe(750);
    for (let i = 0; i < 100; i++) {
      join(first.host);
    }
    expect(first.host.produceWindowBytes).toBe(100);
  });
});
