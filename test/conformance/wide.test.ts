/** A topic of as many queues as there may be: what names queues in a list names all of them in one request. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Broker, openBroker } from '../../broker/index.js';
import { FRAME_HEADER_BYTES, MAX_QUEUES_PER_TOPIC, OPCODE } from '../../native-free/wire/index.js';
import { makeDirectory, removeDirectory, SMALL } from '../faults/small-broker.js';
import { RawPeer } from '../hostile/raw-peer.js';
import {
  controlFrame,
  decodePayload,
  helloFrame,
  parseFrame,
  requestFrame,
} from '../transport/make-batch.js';

const CONSUMER = 1;
/** Queues of a topic that needs less time. */
const NARROW = 300;
const dataDir = makeDirectory();
let broker: Broker;
let port: number;

interface Held {
  queueId: number;
  generation: number;
  offset: number;
}

beforeAll(async () => {
  broker = await openBroker({ ...SMALL, maxQueues: MAX_QUEUES_PER_TOPIC + NARROW, dataDir });
  ({ port } = await broker.listen({ port: 0 }));
  const admin = broker.client().admin();
  await admin.createTopic({ topic: 'wide', queues: MAX_QUEUES_PER_TOPIC });
  await admin.createTopic({ topic: 'narrow', queues: NARROW });
});
afterAll(async () => {
  await broker.close();
  removeDirectory(dataDir);
});

async function greeted(): Promise<RawPeer> {
  const peer = await RawPeer.open(port);
  peer.send(helloFrame());
  return peer;
}

/** The first frame of this kind that holds, forgotten with all before it. */
async function frame(
  peer: RawPeer,
  opcode: number,
  holds: (payload: Record<string, unknown>, id: number) => boolean,
): Promise<Record<string, unknown>> {
  for (;;) {
    for (let message = peer.heard.shift(); message !== undefined; message = peer.heard.shift()) {
      const parsed = parseFrame(message.payload);
      if (parsed.opcode === OPCODE.error) {
        throw new Error(JSON.stringify(decodePayload(parsed)));
      }
      if (parsed.opcode === opcode && message.payload.length > FRAME_HEADER_BYTES) {
        const payload = decodePayload(parsed);
        if (holds(payload, parsed.id)) {
          return payload;
        }
      }
    }
    if (peer.isClosed) {
      throw new Error('the broker has closed the connection');
    }
    await peer.until(() => peer.heard.length > 0 || peer.isClosed);
  }
}

const answer = (peer: RawPeer, id: number) => frame(peer, OPCODE.response, (_, of) => of === id);

async function event(peer: RawPeer, name: string): Promise<Held[]> {
  return (await frame(peer, OPCODE.event, (payload) => payload['event'] === name))['queues'] as Held[];
}

async function joined(peer: RawPeer, group: string | null, more: object = {}): Promise<Held[]> {
  const params = { consumer: CONSUMER, group, topic: 'wide', from: 'earliest', ...more };
  peer.send(requestFrame(1, 'join', params));
  await answer(peer, 1);
  return event(peer, 'assign');
}

test('flow and seek, for all queues at once', async () => {
  const peer = await greeted();
  const held = await joined(peer, 'all');
  expect(held).toHaveLength(MAX_QUEUES_PER_TOPIC);
  const queues = held.map(({ queueId, generation }) => ({ queueId, generation, offset: null }));
  peer.send(requestFrame(2, 'flow', { consumer: CONSUMER, queues }));
  expect(await answer(peer, 2)).toEqual({});
  peer.send(requestFrame(3, 'flow', { consumer: CONSUMER, queues: held }));
  expect(await event(peer, 'flow')).toHaveLength(MAX_QUEUES_PER_TOPIC);
  peer.send(requestFrame(4, 'seek', { consumer: CONSUMER, queues, to: 'earliest' }));
  expect((await answer(peer, 4))['queues']).toHaveLength(MAX_QUEUES_PER_TOPIC);
  expect(await event(peer, 'assign')).toHaveLength(MAX_QUEUES_PER_TOPIC);
  peer.destroy();
});

test('a reader says where it was on all queues', async () => {
  const first = await greeted();
  const held = await joined(first, null);
  first.destroy();
  const { topicId } = await broker.client().admin().describeTopic('wide');
  const again = await greeted();
  const positions = { topicId, queues: held };
  const queueIds = held.map(({ queueId }) => queueId);
  expect(await joined(again, null, { queueIds, positions })).toHaveLength(MAX_QUEUES_PER_TOPIC);
  again.destroy();
});

test.each([
  ['flow', 'offset', { queueId: 0, generation: 1, offset: 'x' }],
  ['flow', 'generation', { queueId: 0, generation: null, offset: null }],
  ['seek', 'queueId', { queueId: -1, generation: 1 }],
])('an entry of %s whose %s is wrong is refused by its place', async (method, field, wrong) => {
  const peer = await greeted();
  const held = await joined(peer, 'wrong', { topic: 'narrow' });
  const queues = [...held.slice(0, 200).map((queue) => ({ ...queue })), wrong];
  const payload = { method, consumer: CONSUMER, queues, to: 'earliest' };
  peer.send(controlFrame(OPCODE.request, 5, payload));
  expect(await answer(peer, 5)).toMatchObject({
    code: 'BAD_REQUEST',
    details: { method, parameter: `queues.200.${field}` },
  });
  peer.destroy();
});
