/** What a session makes of batches: they are stored and acked in order, or end it. */
import { describe, expect, test } from 'vitest';
import { BATCH, DURABILITY, ERRORS, makeFrame, OPCODE, writeUint32 } from '../../native-free/wire/index.js';
import { FakeEngine } from './fake-engine.js';
import { open, settle, welcome } from './fake-socket.js';
import { decodePayload, makeBatch, type ParsedFrame, produceFrame } from './make-batch.js';
import { acksOf, engineWithTopic, ONE } from './producing.js';

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
