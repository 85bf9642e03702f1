/** What a user's limit counts of what its connections are sent. */
import { expect, test } from 'vitest';
import type { LoginAnswer, QueueReader, TopicEntry } from '../../engine/engine-thread.js';
import { makeFrame, OPCODE } from '../../native-free/wire/index.js';
import { encodeControl } from '../../transport/control-payload.js';
import { assign, BIG_CREDIT, batchesOf, credit, TOPIC } from './consuming.js';
import { FakeEngine } from './fake-engine.js';
import { open, type Peer, settle } from './fake-socket.js';
import { helloFrame, makeBatch, requestFrame } from './make-batch.js';

/** A user with a limit, on a machine whose disk lets each read wait. */
class SlowEngine extends FakeEngine {
  /** Bytes, in their order. */
  readonly spent: number[] = [];

  constructor() {
    super();
    this.addTopic(1, 8);
    const principal: LoginAnswer['principal'] = {
      user: 'shop',
      place: 0,
      proof: { by: 'password', salt: 'salt' },
      grants: [{ right: 'subscribe', resource: '*' }],
      limits: { bytesPerSecond: 64 * 1024, messagesPerSecond: null },
    };
    Object.assign(this.access, {
      challenge: () => Promise.resolve({ salt: 'salt', iterations: 16_384 }),
      login: () => Promise.resolve({ serverSignature: 'signature', principal, version: 0 }),
      pace: (_place: number, direction: 0 | 1) => ({
        aheadMs: 0,
        spend: (bytes: number) => {
          if (direction === 1) {
            this.spent.push(bytes);
          }
        },
      }),
    });
    this.answer = (method) => (method === 'join' ? { memberId: 'm1', topic: TOPIC } : {});
  }

  override openReader(topic: TopicEntry, queueId: number, offset: number): QueueReader {
    const reader = super.openReader(topic, queueId, offset);
    Object.defineProperty(reader, 'costBytes', { get: () => 64 * 1024 * 1024, set: () => {} });
    return reader;
  }
}

async function joined(engine: SlowEngine): Promise<Peer> {
  const peer = open(engine, { authenticates: true });
  const { session, socket } = peer;
  const credentials = { scheme: 'scram', user: 'shop', nonce: 'a-nonce-of-the-client' };
  session.onFrame(helloFrame({ credentials }));
  await settle();
  session.onFrame(makeFrame(OPCODE.proof, 0, { payload: encodeControl({ proof: 'AAAA' }) }));
  await settle();
  session.onFrame(requestFrame(1, 'join', { consumer: 5, group: 'g', topic: 'topic-1' }));
  await settle();
  expect(socket.take(OPCODE.response)).toMatchObject([{ id: 1, flags: 0 }]);
  return peer;
}

test('is bytes that go out, however long the disk lets them wait', async () => {
  const engine = new SlowEngine();
  engine.store(makeBatch([{ body: 'x'.repeat(10_000) }]));
  const { session, socket } = await joined(engine);
  session.onFrame(credit(BIG_CREDIT));
  const [member] = engine.members.values();
  member?.onEvent(assign([0, 0]));
  await settle();
  expect(batchesOf(socket.take(OPCODE.deliver))).toEqual([[0, 0]]);
  const all = engine.spent.reduce((sum, bytes) => sum + bytes, 0);
  expect(all).toBeGreaterThan(10_000);
  expect(all).toBeLessThan(11_000);
});
