/** Every method and every frame is in the one table, and without a right none of them does or tells anything. */
import { describe, expect, test } from 'vitest';
import type { LoginAnswer, PrincipalFacts } from '../../engine/engine-thread.js';
import {
  BROKER_USER,
  CONTROL_METHODS,
  type ControlMethod,
  type Grant,
  makeFrame,
  NO_LIMITS,
  OPCODE,
} from '../../native-free/wire/index.js';
import { FRAME_RIGHTS, METHOD_RIGHTS } from '../../transport/auth/method-rights.js';
import { encodeControl } from '../../transport/control-payload.js';
import { FakeEngine } from './fake-engine.js';
import { open, open as openPeer, type Peer, settle, welcome } from './fake-socket.js';
import { decodePayload, helloFrame, makeBatch, produceFrame, requestFrame } from './make-batch.js';

const METHODS = Object.keys(CONTROL_METHODS) as ControlMethod[];
const CREDENTIALS = { scheme: 'scram', user: 'shop', nonce: 'a-nonce-of-the-client' };
const PROOF = makeFrame(OPCODE.proof, 0, { payload: encodeControl({ proof: 'AAAA' }) });
/** Names everything that any method looks for. */
const PARAMS = {
  topic: 'orders',
  group: 'billing',
  consumer: 1,
  user: 'another',
  role: 'readers',
  to: 'shop',
  right: 'manage',
  resource: '*',
  scram: {},
  roles: [],
  queues: [],
  offsets: [],
  filter: '*',
  from: 'earliest',
  queueId: 0,
  generation: 1,
};

/** An engine where whoever proves anything is a user with these grants. */
class EngineWithUser extends FakeEngine {
  readonly called: string[] = [];
  readonly facts: PrincipalFacts;

  constructor(grants: Grant[]) {
    super();
    this.facts = {
      user: 'shop',
      place: 0,
      proof: { by: 'password', salt: 'salt' },
      grants,
      limits: NO_LIMITS,
    };
    Object.assign(this.access, {
      challenge: () => Promise.resolve({ salt: 'salt', iterations: 16_384 }),
      login: (): Promise<LoginAnswer> =>
        Promise.resolve({ serverSignature: 'signature', principal: this.facts, version: 0 }),
    });
    this.answer = (method) => {
      this.called.push(method);
      return {};
    };
  }
}

async function loggedIn(engine: FakeEngine): Promise<Peer> {
  const peer = open(engine, { authenticates: true });
  peer.session.onFrame(helloFrame({ credentials: CREDENTIALS }));
  await settle();
  peer.session.onFrame(PROOF);
  await settle();
  expect(peer.socket.take(OPCODE.welcome)).toHaveLength(1);
  return peer;
}

async function answerTo(
  peer: Peer,
  method: string,
  params: object = PARAMS,
): Promise<Record<string, unknown>> {
  peer.session.onFrame(requestFrame(7, method, params));
  // Costly ones wait for their turn.
  for (;;) {
    await settle();
    const [answer] = peer.socket.take(OPCODE.response);
    if (answer !== undefined) {
      return decodePayload(answer);
    }
  }
}

describe('the table of rights', () => {
  test('has every method, and every frame that a client may send', () => {
    expect(Object.keys(METHOD_RIGHTS).sort()).toEqual([...METHODS].sort());
    const sentByClients = ['hello', 'proof', 'request', 'produce', 'credit', 'ping', 'pong'];
    expect(Object.keys(FRAME_RIGHTS).sort()).toEqual(sentByClients.sort());
    const others = ['welcome', 'response', 'ack', 'deliver', 'error', 'event', 'skip', 'challenge'];
    expect([...sentByClients, ...others].sort()).toEqual(Object.keys(OPCODE).sort());
  });

  test('says something of every method', () => {
    for (const method of METHODS) {
      const { needs, isMembers, isFiltered, isBrokers, isOwn } = METHOD_RIGHTS[method];
      const isChecked =
        isBrokers === true ||
        isOwn === true ||
        (needs?.(PARAMS).length ?? 0) > 0 ||
        isMembers === true ||
        isFiltered === true;
      expect(isChecked, method).toBe(true);
    }
  });
});

describe('a user without rights', () => {
  test.each(METHODS)('gets nothing of %s', async (method) => {
    const engine = new EngineWithUser([]);
    engine.answer = (called) => {
      engine.called.push(called);
      return {
        topics: [{ topic: 'orders' }],
        groups: [{ group: 'billing', topics: ['orders'], topicCount: 1 }],
        cursor: null,
        complete: true,
      };
    };
    const peer = await loggedIn(engine);
    const answer = await answerTo(peer, method);
    if (method === 'listTopics' || method === 'listGroups') {
      expect(answer[method === 'listTopics' ? 'topics' : 'groups']).toEqual([]);
      return;
    }
    if (METHOD_RIGHTS[method].isOwn === true) {
      // It came by a password, which is not renewed.
      expect(answer['code']).toBe('NOT_SUPPORTED');
      expect(engine.called).toEqual([]);
      return;
    }
    expect(['NOT_ALLOWED', 'TOPIC_NOT_FOUND', 'GROUP_NOT_FOUND', 'NOT_A_MEMBER']).toContain(answer['code']);
    expect(engine.called).toEqual([]);
  });

  test('is not told by any answer whether there is such a topic or group', async () => {
    const answers = async (isThere: boolean): Promise<unknown[]> => {
      const engine = new EngineWithUser([]);
      if (isThere) {
        engine.addTopic(5, 4);
      }
      const peer = await loggedIn(engine);
      const all: unknown[] = [];
      for (const method of METHODS.filter((each) => !each.startsWith('list'))) {
        all.push(await answerTo(peer, method));
      }
      peer.session.onFrame(produceFrame(1, makeBatch([{ body: 'a' }], { topicId: 5 })));
      await settle();
      all.push(peer.socket.take(OPCODE.ack).map(({ payload }) => [...payload.subarray(0, 8)]));
      return all;
    };
    expect(await answers(true)).toEqual(await answers(false));
  });

  test('may ping', async () => {
    const peer = await loggedIn(new EngineWithUser([]));
    peer.session.onFrame(makeFrame(OPCODE.ping, 9));
    expect(peer.socket.take(OPCODE.pong)).toHaveLength(1);
  });
});

describe('a user with every right', () => {
  test.each(
    METHODS.filter(
      (method) =>
        METHOD_RIGHTS[method].isMembers !== true &&
        METHOD_RIGHTS[method].isOwn !== true &&
        !['join', 'accessRecords'].includes(method),
    ),
  )('is passed on %s', async (method) => {
    const engine = new EngineWithUser([
      { right: 'manage', resource: '*' },
      { right: 'publish', resource: '*' },
      { right: 'subscribe', resource: '*' },
    ]);
    engine.answer = (called) => {
      engine.called.push(called);
      return { topics: [], groups: [], queues: [], topicCount: 0, cursor: null, complete: true };
    };
    await answerTo(await loggedIn(engine), method);
    expect(engine.called).toEqual([method]);
  });
});

describe('before the login', () => {
  test.each([
    ['no credentials', helloFrame(), 'NOT_AUTHENTICATED'],
    ['another scheme', helloFrame({ credentials: { scheme: 'plain', user: 'a' } }), 'NOT_AUTHENTICATED'],
    [
      'a name that none has',
      helloFrame({ credentials: { ...CREDENTIALS, user: 'a,r=b' } }),
      'NOT_AUTHENTICATED',
    ],
    ['a short nonce', helloFrame({ credentials: { ...CREDENTIALS, nonce: 'short' } }), 'NOT_AUTHENTICATED'],
    [
      'a nonce with a comma',
      helloFrame({ credentials: { ...CREDENTIALS, nonce: `${'a'.repeat(20)},r=b` } }),
      'NOT_AUTHENTICATED',
    ],
  ])('%s ends the connection', async (_what, frame, code) => {
    const { session, socket } = open(new EngineWithUser([]), { authenticates: true });
    session.onFrame(frame);
    await settle();
    expect(socket.errorCode).toBe(code);
    expect(socket.closed).not.toBeNull();
  });

  test.each([
    ['a request', requestFrame(1, 'listTopics', {})],
    ['a batch', produceFrame(1, makeBatch([{ body: 'a' }], { topicId: 5 }))],
    ['a ping', makeFrame(OPCODE.ping, 1)],
    ['a second hello', helloFrame({ credentials: CREDENTIALS })],
  ])('%s in place of the proof ends the connection', async (_what, frame) => {
    const engine = new EngineWithUser([]);
    const { session, socket } = open(engine, { authenticates: true });
    session.onFrame(helloFrame({ credentials: CREDENTIALS }));
    await settle();
    expect(socket.take(OPCODE.challenge)).toHaveLength(1);
    session.onFrame(frame);
    await settle();
    expect(socket.errorCode).toBe('BAD_FRAME');
    expect(socket.take(OPCODE.welcome)).toEqual([]);
    expect(engine.called).toEqual([]);
  });

  test('a proof before its challenge, or a second one, ends the connection', async () => {
    const early = open(new EngineWithUser([]), { authenticates: true });
    early.session.onFrame(helloFrame({ credentials: CREDENTIALS }));
    early.session.onFrame(PROOF);
    await settle();
    expect(early.socket.errorCode).toBe('BAD_FRAME');

    const engine = new EngineWithUser([]);
    Object.assign(engine.access, { login: () => new Promise(() => undefined) });
    const twice = open(engine, { authenticates: true });
    twice.session.onFrame(helloFrame({ credentials: CREDENTIALS }));
    await settle();
    twice.session.onFrame(PROOF);
    twice.session.onFrame(PROOF);
    await settle();
    expect(twice.socket.errorCode).toBe('BAD_FRAME');
  });

  test('there are 64 KiB at most', async () => {
    const { session, socket } = open(new EngineWithUser([]), { authenticates: true });
    session.onFrame(helloFrame({ credentials: CREDENTIALS, more: 'x'.repeat(40_000) }));
    await settle();
    expect(session.maxPartialBytes).toBeLessThanOrEqual(64 * 1024);
    session.onFrame(makeFrame(OPCODE.proof, 0, { payload: encodeControl({ proof: 'x'.repeat(40_000) }) }));
    await settle();
    expect(socket.errorCode).toBe('FRAME_TOO_LARGE');
  });

  test('the time for a hello goes on until the welcome', async () => {
    const { session, socket } = open(new EngineWithUser([]), { authenticates: true, handshakeTimeoutMs: 40 });
    session.onFrame(helloFrame({ credentials: CREDENTIALS }));
    await expect.poll(() => socket.errorCode, { timeout: 60_000 }).toBe('HANDSHAKE_TIMEOUT');
  });
});

describe('verifiers of passwords', () => {
  const everything: Grant[] = [{ right: 'manage', resource: '*' }];

  test('are told to no user, whatever its rights, and to nobody where nobody logs in', async () => {
    const engine = new EngineWithUser(everything);
    expect(await answerTo(await loggedIn(engine), 'accessRecords')).toMatchObject({ code: 'NOT_ALLOWED' });
    const open = welcome(openPeer(engine, { authenticates: false }));
    expect(await answerTo(open, 'accessRecords')).toMatchObject({ code: 'NOT_ALLOWED' });
    expect(engine.called).toEqual([]);
  });

  test('are told to brokers of the cluster', async () => {
    const engine = new EngineWithUser([]);
    engine.facts.user = BROKER_USER;
    await answerTo(await loggedIn(engine), 'accessRecords');
    expect(engine.called).toEqual(['accessRecords']);
  });
});

describe('a page for a user who does not see all', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  /** Pages of two, as the broker gives them. */
  const pageOf = (cursor: unknown): { items: string[]; cursor: string | null; complete: boolean } => {
    const left = names.filter((name) => cursor === undefined || cursor === null || name > String(cursor));
    const items = left.slice(0, 2);
    const isLast = left.length <= 2;
    return { items, cursor: isLast ? null : (items.at(-1) ?? null), complete: isLast };
  };

  test('names in its cursor what the user sees, and nothing else', async () => {
    const engine = new EngineWithUser([
      { right: 'publish', resource: 'topic:e' },
      { right: 'publish', resource: 'topic:f' },
      { right: 'publish', resource: 'topic:a' },
    ]);
    engine.answer = (_method, params) => {
      const { items, ...end } = pageOf(params['cursor']);
      return { topics: items.map((topic) => ({ topic })), ...end };
    };
    const peer = await loggedIn(engine);
    const first = await answerTo(peer, 'listTopics', {});
    expect(first).toMatchObject({ topics: [{ topic: 'a' }], cursor: 'a', complete: false });
    const rest = await answerTo(peer, 'listTopics', { cursor: 'a' });
    expect(rest).toMatchObject({ topics: [{ topic: 'e' }], cursor: 'e' });
    expect(await answerTo(peer, 'listTopics', { cursor: 'e' })).toMatchObject({
      topics: [{ topic: 'f' }],
      cursor: null,
      complete: true,
    });
  });

  test('of few items costs the broker no look at the whole list for each that is left out', async () => {
    const engine = new EngineWithUser([{ right: 'publish', resource: 'topic:z*' }]);
    const all = [...Array.from({ length: 500 }, (_, i) => `t${1000 + i}`), 'z1', 'z2', 'z3'];
    engine.answer = (method, { cursor, limit }) => {
      engine.called.push(method);
      const left = all.filter((name) => cursor === null || cursor === undefined || name > String(cursor));
      const topics = left.slice(0, Number(limit)).map((topic) => ({ topic }));
      const isLast = topics.length === left.length;
      return { topics, cursor: isLast ? null : topics.at(-1)?.topic, complete: isLast };
    };
    const peer = await loggedIn(engine);
    const first = await answerTo(peer, 'listTopics', { limit: 2 });
    expect(first).toMatchObject({
      topics: [{ topic: 'z1' }, { topic: 'z2' }],
      cursor: 'z2',
      complete: false,
    });
    const rest = await answerTo(peer, 'listTopics', { limit: 2, cursor: 'z2' });
    expect(rest).toMatchObject({ topics: [{ topic: 'z3' }], cursor: null, complete: true });
    expect(engine.called.length).toBeLessThanOrEqual(3);
  });

  test('of a group passes over topics that the user does not see', async () => {
    const engine = new EngineWithUser([
      { right: 'subscribe', resource: 'group:g' },
      { right: 'subscribe', resource: 'topic:c' },
    ]);
    const asked: unknown[] = [];
    const queue = (topic: string): object => ({ topic, queueId: 0 });
    engine.answer = (_method, { cursor }) => {
      asked.push(cursor);
      const group = { group: 'g', topics: names, topicCount: names.length, members: 0, memberIds: [] };
      const next: Record<string, [string, string | null]> = {
        '16384/b': ['c', '1/c'],
        '1/c': ['c', '0/d'],
        '16384/d': ['e', null],
      };
      const [topic, end] = next[String(cursor)] ?? ['a', '0/b'];
      return { ...group, queues: [queue(topic)], cursor: end, complete: end === null };
    };
    const peer = await loggedIn(engine);
    const first = await answerTo(peer, 'describeGroup', { group: 'g' });
    expect(first).toMatchObject({ topics: ['c'], topicCount: 1, queues: [queue('c')], cursor: '1/c' });
    const rest = await answerTo(peer, 'describeGroup', { group: 'g', cursor: '1/c' });
    expect(rest).toMatchObject({ queues: [queue('c')], cursor: null, complete: true });
    expect(JSON.stringify([first, rest])).not.toMatch(/["/][abdef]"/);
  });
});
