import { describe, expect, test } from 'vitest';
import {
  ACK_ENTRY,
  ACK_ENTRY_BYTES,
  BATCH,
  DURABILITY,
  ERRORS,
  makeFrame,
  OPCODE,
  readUint16,
  readUint32,
  readUint64,
  writeUint32,
} from '../../native-free/wire/index.js';
import { FakeEngine } from './fake-engine.js';
import { type FakeSocket, join, open, settle, welcome } from './fake-socket.js';
import { decodePayload, makeBatch, type ParsedFrame, produceFrame } from './make-batch.js';

function acksOf(
  socket: FakeSocket,
): { id: number; status: number; durability: number; baseOffset: number }[] {
  return socket.take(OPCODE.ack).flatMap(({ payload }) => {
    const entries = [];
    for (let at = 0; at < payload.length; at += ACK_ENTRY_BYTES) {
      entries.push({
        id: readUint32(payload, at + ACK_ENTRY.id),
        status: readUint16(payload, at + ACK_ENTRY.status),
        durability: payload[at + ACK_ENTRY.durability] as number,
        baseOffset: readUint64(payload, at + ACK_ENTRY.baseOffset),
      });
    }
    return entries;
  });
}

function engineWithTopic(): FakeEngine {
  const engine = new FakeEngine();
  engine.addTopic(1, 4);
  return engine;
}

const ONE = makeBatch([{ body: 'one' }]);

describe('producing', () => {
  test('batches of a frame are numbered on, and acks of a turn are one frame', async () => {
    const engine = engineWithTopic();
    const { session, socket } = welcome(open(engine));
    session.onFrame(produceFrame(0xffff_ffff, ONE, makeBatch([{ body: 'a' }, { body: 'b' }]), ONE));
    session.onFrame(produceFrame(7, makeBatch([{ body: 'other queue' }], { queueId: 3 })));
    expect(socket.frames).toHaveLength(0);
    engine.progress();
    await settle();
    expect(socket.frames).toHaveLength(1);
    const disk = DURABILITY.disk;
    expect(acksOf(socket)).toEqual([
      { id: 0xffff_ffff, status: 0, durability: disk, baseOffset: 0 },
      { id: 0, status: 0, durability: disk, baseOffset: 1 },
      { id: 1, status: 0, durability: disk, baseOffset: 3 },
      { id: 7, status: 0, durability: disk, baseOffset: 0 },
    ]);
  });

  test('more acks than a frame holds are more frames', async () => {
    const engine = engineWithTopic();
    const { session, socket } = welcome(open(engine));
    for (let i = 0; i < 2500; i++) {
      session.onFrame(produceFrame(i, ONE));
    }
    engine.progress();
    await settle();
    expect(socket.frames.filter(({ opcode }) => opcode === OPCODE.ack)).toHaveLength(3);
    expect(acksOf(socket).map(({ id }) => id)).toEqual(Array.from({ length: 2500 }, (_, i) => i));
  });

  test('a topic and a queue that are not there are told by ack entries', async () => {
    const engine = engineWithTopic();
    const { session, socket } = welcome(open(engine));
    const nowhere = makeBatch([{ body: 'x' }], { topicId: 99 });
    session.onFrame(produceFrame(1, ONE, nowhere, ONE, nowhere, makeBatch([{ body: 'x' }], { queueId: 4 })));
    await settle();
    engine.progress();
    await settle();
    const byId = new Map(acksOf(socket).map(({ id, status }) => [id, status]));
    expect(byId).toEqual(
      new Map([
        [1, 0],
        [2, ERRORS.TOPIC_NOT_FOUND.wire],
        [3, 0],
        [4, ERRORS.TOPIC_NOT_FOUND.wire],
        [5, ERRORS.QUEUE_NOT_FOUND.wire],
      ]),
    );
    expect(engine.asked).toEqual([99]);
    expect(socket.closed).toBeNull();
  });

  test('a topic created later is asked for again', async () => {
    const engine = engineWithTopic();
    const { session, socket } = welcome(open(engine));
    const batch = makeBatch([{ body: 'x' }], { topicId: 9 });
    session.onFrame(produceFrame(1, batch));
    await settle();
    expect(acksOf(socket)).toMatchObject([{ id: 1, status: ERRORS.TOPIC_NOT_FOUND.wire }]);
    engine.changeTopic(engine.addTopic(9, 1, engine.askable));
    engine.addTopic(9, 1, engine.askable);
    session.onFrame(produceFrame(2, batch));
    await settle();
    engine.progress();
    await settle();
    expect(acksOf(socket)).toMatchObject([{ id: 2, status: 0 }]);
  });

  test('frames behind one whose topic is asked for keep their order', async () => {
    const engine = engineWithTopic();
    engine.addTopic(5, 1, engine.askable);
    const { session, socket } = welcome(open(engine));
    const scratch = Buffer.from(produceFrame(1, makeBatch([{ body: 'x' }], { topicId: 5 }), ONE));
    session.onFrame(scratch);
    // The socket's memory is gone after the call.
    scratch.fill(0xee);
    session.onFrame(produceFrame(3, ONE));
    expect(engine.appended).toBe(0);
    await settle();
    engine.progress();
    await settle();
    expect(acksOf(socket).map(({ id, status }) => [id, status])).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
  });

  test('a deleted topic is not written to from what is remembered of it', async () => {
    const engine = new FakeEngine();
    const topic = engine.addTopic(1, 1);
    const { session, socket } = welcome(open(engine));
    session.onFrame(produceFrame(1, ONE));
    engine.changeTopic(topic);
    session.onFrame(produceFrame(2, ONE));
    await settle();
    expect(acksOf(socket).map(({ id, status }) => [id, status])).toEqual([
      [1, 0],
      [2, ERRORS.TOPIC_NOT_FOUND.wire],
    ]);
  });
});

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

describe('bad batches', () => {
  const damaged = Uint8Array.from(ONE);
  damaged[damaged.length - 1] = 0;
  const lying = Uint8Array.from(ONE);
  writeUint32(lying, BATCH.recordCount, 2);
  const long = Uint8Array.from(ONE);
  writeUint32(long, BATCH.length, long.length + 1);
  const short = Uint8Array.from(ONE);
  writeUint32(short, BATCH.length, 95);
  const endless = Uint8Array.from(ONE);
  writeUint32(endless, BATCH.length, 0xffff_ffff);

  test.each([
    ['a damaged body', produceFrame(1, damaged), 'BAD_CHECKSUM'],
    ['a wrong record count', produceFrame(1, lying), 'BAD_BATCH'],
    ['no batch', makeFrame(OPCODE.produce, 1), 'BAD_FRAME'],
    ['a batch cut short', produceFrame(1, ONE).subarray(0, 60), 'BAD_FRAME'],
    ['a length beyond the frame', produceFrame(1, ONE, long), 'BAD_FRAME'],
    ['a length of less than a header', produceFrame(1, ONE, short), 'BAD_FRAME'],
    ['the largest length there is', produceFrame(1, ONE, endless), 'BAD_FRAME'],
    ['bytes behind the last batch', Buffer.concat([produceFrame(1, ONE), new Uint8Array(80)]), 'BAD_FRAME'],
  ])('%s ends the connection and stores nothing', async (_what, frame, code) => {
    const engine = engineWithTopic();
    const { session, socket } = welcome(open(engine));
    session.onFrame(frame);
    expect(socket.errorCode).toBe(code);
    expect(socket.closed?.code).toBe(1002);
    expect(engine.appended).toBe(0);
    await settle();
    expect(socket.frames.at(-1)?.opcode).toBe(OPCODE.error);
  });

  test('good batches before a damaged one are stored and acked', () => {
    const engine = engineWithTopic();
    const { session, socket } = welcome(open(engine));
    session.onFrame(produceFrame(1, ONE));
    engine.progress();
    session.onFrame(produceFrame(2, damaged));
    expect(socket.frames.map(({ opcode }) => opcode)).toEqual([OPCODE.ack, OPCODE.error]);
    expect(acksOf(socket)).toMatchObject([{ id: 1, status: 0 }]);
  });

  test('the error names the batch by number and sequence, and the record that is at fault', () => {
    const engine = engineWithTopic();
    const { session, socket } = welcome(open(engine));
    const good = makeBatch([{ body: 'a' }], { producerId: 9, sequence: 40 });
    const bad = makeBatch([{ body: 'a' }, { body: 'b', tag: 't'.repeat(128) }], {
      producerId: 9,
      sequence: 41,
    });
    session.onFrame(produceFrame(7, good, bad));
    const body = decodePayload(socket.take(OPCODE.error)[0] as ParsedFrame);
    expect(body).toMatchObject({ code: 'BAD_BATCH', details: { batch: 8, sequence: 41, record: 1 } });
    expect(body['message']).toBe(
      'the batch is malformed: batch 8, sequence 41: record 1: a tag of more than 127 bytes',
    );
  });
});
