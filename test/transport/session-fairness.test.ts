/** What one connection may take of its thread: requests begin in turns, costly ones one at a time, and floods end it. */
import { describe, expect, test, vi } from 'vitest';
import { FRAME, FRAME_HEADER_BYTES, makeFrame, OPCODE, writeUint32 } from '../../native-free/wire/index.js';
import { encodeControl } from '../../transport/control-payload.js';
import { FakeEngine } from './fake-engine.js';
import { join, open, type Peer, settle, welcome } from './fake-socket.js';
import { decodePayload, makeBatch, type ParsedFrame, requestFrame } from './make-batch.js';

/** What a loaded machine may take for it; one that is not takes milliseconds. */
const PATIENT = { timeout: 60_000 };

/** An engine whose answers wait until they are let go. */
function held(): { engine: FakeEngine; letGo(): void } {
  const engine = new FakeEngine();
  let waiting: (() => void)[] = [];
  engine.answer = async () => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return {};
  };
  const letGo = (): void => {
    const now = waiting;
    waiting = [];
    for (const go of now) {
      go();
    }
  };
  return { engine, letGo };
}

describe('costly requests', () => {
  test('of one connection run one at a time; cheap ones pass them, of other connections too', async () => {
    const { engine, letGo } = held();
    const first = welcome(open(engine));
    const other = welcome(join(first.host));
    for (let id = 1; id <= 20; id++) {
      first.session.onFrame(requestFrame(id, 'describeTopic', { topic: 'wide' }));
    }
    first.session.onFrame(requestFrame(99, 'topicMetadata', { topic: 'a' }));
    other.session.onFrame(requestFrame(1, 'describeTopic', { topic: 'b' }));
    await vi.waitFor(
      () => expect(engine.calls.map(({ params }) => params['topic'])).toEqual(['wide', 'a', 'b']),
      PATIENT,
    );
    letGo();
    await vi.waitFor(() => expect(engine.calls).toHaveLength(4), PATIENT);
    await vi.waitFor(() => expect(other.socket.take(OPCODE.response)).toHaveLength(1), PATIENT);
    await settle();
    expect(engine.calls).toHaveLength(4);
  });

  test('are given up when their connection goes', async () => {
    const { engine, letGo } = held();
    const { host, session } = welcome(open(engine));
    for (let id = 1; id <= 1_000; id++) {
      session.onFrame(requestFrame(id, 'describeTopic', { topic: 'wide' }));
    }
    session.onClose();
    letGo();
    await settle();
    letGo();
    await settle();
    expect(engine.calls).toHaveLength(1);
    expect(host.requestBytes).toBe(0);
  });

  test('that wait for their turn behind other connections are given up as well', async () => {
    const { engine, letGo } = held();
    const { host } = open(engine);
    const peers = Array.from({ length: 20 }, () => welcome(join(host)));
    for (const { session } of peers) {
      session.onFrame(requestFrame(1, 'listTopics'));
    }
    for (const { session } of peers.slice(0, 19)) {
      session.onClose();
    }
    while (peers[19]?.socket.frames.length === 0) {
      letGo();
      await settle();
    }
    expect(engine.calls.length).toBeLessThan(8);
  });
});

describe('small requests', () => {
  test('begin a few at a time, in their order', async () => {
    const { engine, letGo } = held();
    const { session, socket } = welcome(open(engine));
    for (let id = 1; id <= 100; id++) {
      session.onFrame(requestFrame(id, 'topicMetadata', { topic: `t${id}` }));
    }
    await vi.waitFor(() => expect(engine.calls).toHaveLength(16), PATIENT);
    await settle();
    expect(engine.calls).toHaveLength(16);
    while (socket.frames.length < 100) {
      letGo();
      await settle();
    }
    expect(engine.calls.map(({ params }) => params['topic'])).toEqual(
      Array.from({ length: 100 }, (_, i) => `t${i + 1}`),
    );
  });

  test('credit does not overtake the join it belongs to', async () => {
    const { engine, letGo } = held();
    const topic = engine.addTopic(1, 1);
    const { session, socket } = welcome(open(engine));
    for (let id = 1; id <= 16; id++) {
      session.onFrame(requestFrame(id, 'topicMetadata', { topic: 'a' }));
    }
    engine.answer = async () => ({ memberId: 'm', topic });
    session.onFrame(
      requestFrame(17, 'join', { consumer: 5, group: 'g', topic: 'topic-1', from: 'earliest' }),
    );
    session.onFrame(makeFrame(OPCODE.credit, 5, { value: 1_000_000 }));
    letGo();
    await vi.waitFor(
      () => expect(socket.take(OPCODE.response).some(({ id }) => id === 17)).toBe(true),
      PATIENT,
    );
    engine.store(makeBatch([{ body: 'x' }], { topicId: 1, queueId: 0 }));
    engine.members
      .get([...engine.members.keys()][0] as string)
      ?.onEvent({ event: 'assign', queues: [{ queueId: 0, generation: 1, offset: 0 }] });
    engine.progress();
    await vi.waitFor(
      () => expect(socket.frames.some(({ opcode }) => opcode === OPCODE.deliver)).toBe(true),
      PATIENT,
    );
    expect(socket.take(OPCODE.deliver)).toHaveLength(1);
  });

  test('a flood of such as are answered at once is spread over turns', async () => {
    const engine = new FakeEngine();
    const { session, socket } = welcome(open(engine));
    for (let id = 1; id <= 500; id++) {
      session.onFrame(requestFrame(id, 'x'));
    }
    expect(socket.frames.length).toBeLessThanOrEqual(32);
    await vi.waitFor(() => expect(socket.take(OPCODE.response).length).toBeGreaterThan(0), PATIENT);
  });
});

describe('a consumer of all queues of a wide topic', () => {
  const QUEUES = 16_384;

  async function assigned(): Promise<{ engine: FakeEngine; peer: Peer }> {
    const engine = new FakeEngine();
    const topic = engine.addTopic(1, QUEUES);
    engine.answer = async () => ({ memberId: 'm', topic });
    const peer = welcome(open(engine));
    const params = { consumer: 5, group: 'g', topic: 'topic-1', from: 'earliest' };
    peer.session.onFrame(requestFrame(1, 'join', params));
    await vi.waitFor(() => expect(peer.socket.take(OPCODE.response)).toHaveLength(1), PATIENT);
    const queues = Array.from({ length: QUEUES }, (_, queueId) => ({ queueId, generation: 1, offset: 0 }));
    const [member] = engine.members.values();
    member?.onEvent({ event: 'assign', queues });
    member?.onEvent({ event: 'revoke', queues: [{ queueId: 7, generation: 1 }] });
    return { engine, peer };
  }

  test('takes them over many turns, hears of all at once then, and of nothing before that', async () => {
    const { engine, peer } = await assigned();
    expect(engine.readers.length).toBeLessThan(QUEUES / 4);
    engine.store(makeBatch([{ body: 'x' }], { topicId: 1, queueId: 0 }));
    peer.session.onFrame(makeFrame(OPCODE.credit, 5, { value: 1_000_000 }));
    const heard: { event: string; queues: { queueId: number }[] }[] = [];
    const wentOut = peer.socket.frames;
    await vi.waitFor(() => {
      heard.splice(
        0,
        2,
        ...(wentOut.filter(({ opcode }) => opcode === OPCODE.event).map(decodePayload) as typeof heard),
      );
      expect(heard.at(-1)).toMatchObject({ event: 'revoke', queues: [{ queueId: 7 }] });
    }, PATIENT);
    expect(heard).toHaveLength(2);
    expect(heard[0]?.queues.map(({ queueId }) => queueId)).toEqual(
      Array.from({ length: QUEUES }, (_, queueId) => queueId),
    );
    await vi.waitFor(
      () => expect(peer.socket.frames.some(({ opcode }) => opcode === OPCODE.deliver)).toBe(true),
      PATIENT,
    );
    const opcodes = wentOut.map(({ opcode }) => opcode);
    expect(opcodes.indexOf(OPCODE.event)).toBeLessThan(opcodes.indexOf(OPCODE.deliver));
    expect(engine.readers.filter(({ isClosed }) => isClosed)).toHaveLength(1);
  });

  test('gives them up over many turns when its connection goes', async () => {
    const { engine, peer } = await assigned();
    await vi.waitFor(() => expect(engine.readers).toHaveLength(QUEUES), PATIENT);
    peer.session.onClose();
    expect(engine.readers.filter(({ isClosed }) => isClosed).length).toBeLessThan(QUEUES / 4);
    await vi.waitFor(() => expect(engine.readers.every(({ isClosed }) => isClosed)).toBe(true), PATIENT);
  });
});

describe('large requests', () => {
  function withValues(method: string, values: number): Uint8Array {
    return requestFrame(1, method, { consumer: 1, list: Array.from({ length: values }, () => 0) });
  }

  test('only those that list queues may have many values', async () => {
    const engine = new FakeEngine();
    for (const [method, values, code] of [
      ['listTopics', 900, undefined],
      ['listTopics', 1_100, 'BAD_FRAME'],
      ['resetOffset', 100_000, 'BAD_FRAME'],
      ['join', 17_000, undefined],
      ['flow', 17_000, undefined],
      ['commit', 17_000, undefined],
      ['released', 17_000, undefined],
      ['commit', 18_000, 'BAD_FRAME'],
    ] as const) {
      const { session, socket } = welcome(open(engine));
      session.onFrame(withValues(method, values));
      await settle();
      expect([method, values, socket.errorCode]).toEqual([method, values, code]);
    }
  });

  test('what follows one waits for it, so that the order is kept', async () => {
    const { engine, letGo } = held();
    const { session } = welcome(open(engine));
    session.onFrame(requestFrame(1, 'topicMetadata', { topic: 'x'.repeat(40_000) }));
    session.onFrame(requestFrame(2, 'topicMetadata', { topic: 'second' }));
    await vi.waitFor(() => expect(engine.calls).toHaveLength(1), PATIENT);
    await settle();
    expect(engine.calls).toHaveLength(1);
    letGo();
    await vi.waitFor(() => expect(engine.calls).toHaveLength(2), PATIENT);
    expect(engine.calls.map(({ params }) => String(params['topic']).slice(0, 6))).toEqual([
      'xxxxxx',
      'second',
    ]);
  });

  test('texts are cut to what no parameter may reach, wherever they stand', async () => {
    const engine = new FakeEngine();
    const { session, socket } = welcome(open(engine));
    const long = 'é'.repeat(100_000);
    session.onFrame(
      requestFrame(1, 'topicMetadata', {
        a: long,
        topic: 'b'.repeat(70_000),
        c: ['d', long, { e: 'end' }],
        f: 7,
      }),
    );
    await vi.waitFor(
      () => expect(socket.frames.some(({ opcode }) => opcode === OPCODE.response)).toBe(true),
      PATIENT,
    );
    const cut = 'é'.repeat(16_384);
    expect(engine.calls[0]?.params).toEqual({
      a: cut,
      topic: 'b'.repeat(32_768),
      c: ['d', cut, { e: 'end' }],
      f: 7,
    });
    expect(socket.take(OPCODE.response)).toHaveLength(1);
  });
});

describe('floods', () => {
  test.each([
    ['pings', makeFrame(OPCODE.ping, 1), 1_024],
    ['pongs', makeFrame(OPCODE.pong, 1), 4_096],
    ['credit', makeFrame(OPCODE.credit, 1, { value: 1 }), 4_096],
  ])('%s past so many a second end the connection', (_what, frame, limit) => {
    const engine = new FakeEngine();
    const { session, socket } = welcome(open(engine));
    for (let i = 0; i < limit; i++) {
      session.onFrame(frame);
    }
    expect(socket.closed).toBeNull();
    for (let i = 0; i < 20 * limit && socket.closed === null; i++) {
      session.onFrame(frame);
    }
    expect(socket.errorCode).toBe('TOO_MANY_REQUESTS');
  });

  test('requests past the limit are refused, and who goes on is closed', () => {
    const { engine } = held();
    const { session, socket } = welcome(open(engine));
    const frame = requestFrame(7, 'topicMetadata', { topic: 'a' });
    for (let i = 0; i < 1_024 + 100; i++) {
      session.onFrame(frame);
    }
    const refused = socket.take(OPCODE.response) as [ParsedFrame];
    expect(refused).toHaveLength(100);
    expect(decodePayload(refused[0])['code']).toBe('TOO_MANY_REQUESTS');
    for (let i = 0; i < 100_000 && socket.closed === null; i++) {
      session.onFrame(frame);
    }
    expect(socket.errorCode).toBe('TOO_MANY_REQUESTS');
  });

  test('the requests of all connections together are bounded', async () => {
    const { engine } = held();
    const first = welcome(open(engine, { maxRequestBytesInAll: 3_000 }));
    const payload = encodeControl({ method: 'topicMetadata', topic: 'x'.repeat(900) });
    const codes: unknown[] = [];
    for (let i = 0; i < 5; i++) {
      const { session, socket } = welcome(join(first.host));
      const frame = makeFrame(OPCODE.request, 1, { payload });
      writeUint32(frame, FRAME.id, i);
      expect(frame.length).toBeGreaterThan(FRAME_HEADER_BYTES + 900);
      session.onFrame(frame);
      codes.push(...socket.take(OPCODE.response).map((answer) => decodePayload(answer)['code']));
    }
    expect(codes).toEqual(['TOO_MANY_REQUESTS', 'TOO_MANY_REQUESTS']);
  });
});
