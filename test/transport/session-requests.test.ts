import { describe, expect, test, vi } from 'vitest';
import {
  FRAME_FLAG,
  MAX_REQUESTS_IN_FLIGHT,
  makeFrame,
  OPCODE,
  RingMQError,
} from '../../native-free/wire/index.js';
import { FakeEngine } from './fake-engine.js';
import { join, open, settle, welcome } from './fake-socket.js';
import { decodePayload, type ParsedFrame, requestFrame } from './make-batch.js';

/** Costly requests rest as long as they take, which on a loaded machine adds up. */
const PATIENT = { timeout: 60_000 };

describe('requests', () => {
  test('parameters go to the control plane, results and errors come back by number', async () => {
    const engine = new FakeEngine();
    engine.answer = (method) => {
      if (method === 'createTopic') {
        return new RingMQError('TOPIC_EXISTS', 'orders exists', { details: { topic: 'orders' } });
      }
      return { topics: [] };
    };
    const { session, socket } = welcome(open(engine));
    session.onFrame(requestFrame(41, 'createTopic', { topic: 'orders', queues: 4, memory: false }));
    session.onFrame(requestFrame(42, 'listTopics'));
    // A turn that took long leaves the rest to the next one.
    while (socket.frames.length < 2) {
      await settle();
    }
    const [failed, done] = socket.take(OPCODE.response) as [ParsedFrame, ParsedFrame];
    expect(failed).toMatchObject({ id: 41, flags: FRAME_FLAG.failed });
    expect(decodePayload(failed)).toEqual({
      code: 'TOPIC_EXISTS',
      message: 'orders exists',
      details: { topic: 'orders' },
    });
    expect(done).toMatchObject({ id: 42, flags: 0 });
    expect(decodePayload(done)).toEqual({ topics: [] });
    expect(engine.calls[0]).toEqual({
      method: 'createTopic',
      params: { topic: 'orders', queues: 4, memory: false },
      key: undefined,
    });
  });

  test.each([
    ['noSuchThing', {}, 'NOT_SUPPORTED'],
    ['toString', {}, 'NOT_SUPPORTED'],
    ['commit', { consumer: 9, offsets: [] }, 'NOT_A_MEMBER'],
    ['leave', { consumer: 9 }, 'NOT_A_MEMBER'],
    ['leave', {}, 'BAD_REQUEST'],
    ['commit', { consumer: '9', offsets: [] }, 'BAD_REQUEST'],
  ])('%s is refused', async (method, params, code) => {
    const engine = new FakeEngine();
    const { session, socket } = welcome(open(engine));
    session.onFrame(requestFrame(1, method, params));
    await settle();
    expect(socket.take(OPCODE.response).map((frame) => decodePayload(frame)['code'])).toEqual([code]);
    expect(engine.calls).toHaveLength(0);
    expect(socket.closed).toBeNull();
  });

  test('a defect is told as one, without its text', async () => {
    const engine = new FakeEngine();
    const defects: unknown[] = [];
    engine.answer = () => {
      throw new Error('ENOENT /secret/path');
    };
    const { session, socket } = welcome(open(engine, { onDefect: (_message, error) => defects.push(error) }));
    session.onFrame(requestFrame(1, 'listTopics'));
    await settle();
    const body = decodePayload(socket.take(OPCODE.response)[0] as ParsedFrame);
    expect(body['code']).toBe('INTERNAL');
    expect(JSON.stringify(body)).not.toContain('secret');
    expect(defects).toHaveLength(1);
  });

  test('an error is cut to a size that can be sent, whatever is in it', async () => {
    const engine = new FakeEngine();
    const long = 'x'.repeat(5_000_000);
    const loop: Record<string, unknown> = { name: long };
    loop['again'] = loop;
    engine.answer = () =>
      new RingMQError('BAD_ARGUMENT', long, {
        details: { long, [long]: 1, loop, list: Array(10_000).fill(long) },
      });
    const { session, socket } = welcome(open(engine));
    session.onFrame(requestFrame(1, 'listTopics'));
    await settle();
    const [frame] = socket.take(OPCODE.response) as [ParsedFrame];
    expect(frame.payload.length).toBeLessThan(64 * 1024);
    expect(decodePayload(frame)).toMatchObject({
      code: 'BAD_ARGUMENT',
      message: `${'x'.repeat(1024)}…`,
      details: { long: `${'x'.repeat(256)}…` },
    });
    session.fail('BAD_FRAME', long, { long });
    expect(socket.errorCode).toBe('BAD_FRAME');
    expect(socket.closed?.reason).toBe('BAD_FRAME');
  });

  test('more in flight than the limit are refused, by count and by bytes', async () => {
    const engine = new FakeEngine();
    let release: (value: unknown) => void = () => {};
    const gate = new Promise((resolve) => {
      release = resolve;
    });
    engine.answer = async () => {
      await gate;
      return {};
    };
    const { session, socket } = welcome(open(engine));
    for (let i = 0; i <= MAX_REQUESTS_IN_FLIGHT; i++) {
      session.onFrame(requestFrame(i, 'listTopics'));
    }
    expect(socket.take(OPCODE.response).map((frame) => [frame.id, decodePayload(frame)['code']])).toEqual([
      [MAX_REQUESTS_IN_FLIGHT, 'TOO_MANY_REQUESTS'],
    ]);
    const large = welcome(open(engine, { maxRequestBytes: 1000 }));
    for (let i = 0; i < 2; i++) {
      large.session.onFrame(requestFrame(i, 'describeTopic', { topic: 'x'.repeat(900) }));
    }
    expect(large.socket.take(OPCODE.response).map(({ id }) => id)).toEqual([1]);
    release({});
    await vi.waitFor(() => expect(socket.frames).toHaveLength(MAX_REQUESTS_IN_FLIGHT), PATIENT);
    socket.take(OPCODE.response);
    session.onFrame(requestFrame(5000, 'listTopics'));
    // Its turn comes when as much time has passed as the ones before took.
    await vi.waitFor(() => expect(socket.frames).toHaveLength(1), PATIENT);
    expect(socket.take(OPCODE.response)).toMatchObject([{ id: 5000, flags: 0 }]);
  });

  test('an answer after the close is not sent', async () => {
    const engine = new FakeEngine();
    engine.answer = async () => ({});
    const { session, socket } = welcome(open(engine));
    session.onFrame(requestFrame(1, 'listTopics'));
    session.fail('BROKER_CLOSED');
    await settle();
    expect(socket.frames.map(({ opcode }) => opcode)).toEqual([OPCODE.error]);
  });

  test('topic changes go to all who were welcomed', () => {
    const engine = new FakeEngine();
    const topic = engine.addTopic(3, 1);
    const first = welcome(open(engine));
    const second = welcome(join(first.host));
    const silent = join(first.host);
    engine.changeTopic(topic);
    for (const { socket } of [first, second]) {
      const [frame] = socket.take(OPCODE.event) as [ParsedFrame];
      expect(frame.id).toBe(0);
      expect(decodePayload(frame)).toEqual({ event: 'topicChanged', topic: 'topic-3', topicId: 3 });
    }
    expect(silent.socket.frames).toHaveLength(0);
  });
});

describe('control payloads from a stranger', () => {
  const nested = (depth: number): Buffer =>
    Buffer.concat([Buffer.from([0x81, 0xa1, 0x61]), Buffer.alloc(depth, 0x91), Buffer.from([0xc0])]);

  test.each([
    ['an extension type', Buffer.from([0x81, 0xa1, 0x61, 0xd4, 0x01, 0x00])],
    ['an array of four billion', Buffer.from([0x81, 0xa1, 0x61, 0xdd, 0xff, 0xff, 0xff, 0xff])],
    ['a map of four billion', Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff])],
    ['a string longer than the frame', Buffer.from([0x81, 0xa1, 0x61, 0xdb, 0xff, 0xff, 0xff, 0xff])],
    ['deep nesting', nested(40)],
    ['very deep nesting', nested(500_000)],
    ['a number as a key', Buffer.from([0x81, 0x01, 0x01])],
    ['__proto__', Buffer.concat([Buffer.from([0x81, 0xa9]), Buffer.from('__proto__'), Buffer.from([0x80])])],
    ['the byte that does not exist', Buffer.from([0x81, 0xa1, 0x61, 0xc1])],
    [
      'too many values',
      Buffer.concat([Buffer.from([0x81, 0xa1, 0x61, 0xdd, 0, 8, 0, 0]), Buffer.alloc(524_288)]),
    ],
  ])('%s ends the connection', async (_what, payload) => {
    const engine = new FakeEngine();
    const { session, socket } = welcome(open(engine));
    session.onFrame(makeFrame(OPCODE.request, 1, { payload }));
    await settle();
    expect(socket.errorCode).toBe('BAD_FRAME');
    expect(engine.calls).toHaveLength(0);
  });

  test('large integers arrive as numbers', async () => {
    const engine = new FakeEngine();
    engine.answer = () => ({});
    const { session } = welcome(open(engine));
    const method = Buffer.concat([
      Buffer.from([0xa6]),
      Buffer.from('method'),
      Buffer.from([0xaa]),
      Buffer.from('listTopics'),
    ]);
    const value = Buffer.from([0xa1, 0x61, 0xcf, 0, 0, 1, 0, 0, 0, 0, 0]);
    session.onFrame(
      makeFrame(OPCODE.request, 1, { payload: Buffer.concat([Buffer.from([0x82]), method, value]) }),
    );
    await settle();
    expect(engine.calls[0]?.params).toEqual({ a: 2 ** 40 });
  });
});
