/** How a delivery ends. */
import { describe, expect, test } from 'vitest';
import { type ControlEvent, OPCODE } from '../../native-free/wire/index.js';
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
import { open, settle, welcome } from './fake-socket.js';
import { decodePayload, makeBatch, requestFrame } from './make-batch.js';

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
