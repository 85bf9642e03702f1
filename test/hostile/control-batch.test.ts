/** What the broker alone may say in its log, said by a producer: refused on every listener, and nothing of it is stored. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Broker, openBroker } from '../../broker/index.js';
import { controlBatches } from '../../engine/meta/index.js';
import { BATCH, errorCodeOfWire, OPCODE, readUint32, writeUint32 } from '../../native-free/wire/index.js';
import { makeDirectory, removeDirectory, SMALL } from '../faults/small-broker.js';
import {
  decodePayload,
  helloFrame,
  makeBatch,
  parseFrame,
  produceFrame,
  requestFrame,
} from '../transport/make-batch.js';
import { KINDS } from './kinds.js';
import { RawPeer } from './raw-peer.js';

const FORGED = [
  { type: 'groupDeleted', group: 'billing' },
  { type: 'topicDeleted', topic: 'orders', topicId: 1, createdTime: 1, deletedTime: 2 },
] as const;

describe.each(KINDS)('a control batch from a producer over %s', (listener) => {
  let broker: Broker;
  let dataDir: string;
  let peer: RawPeer;

  beforeEach(async () => {
    dataDir = makeDirectory();
    broker = await openBroker({ ...SMALL, dataDir });
    const { port } = await broker.listen({ port: 0, listener });
    await broker.client().admin().createTopic({ topic: 'orders', queues: 1 });
    await broker.client().admin().createGroup({ group: 'billing' });
    peer = await RawPeer.open(port);
    peer.send(helloFrame());
    // A connection meets a topic by asking for it.
    peer.send(requestFrame(1, 'topicMetadata', { topic: 'orders' }));
    await heard((frame) => frame.opcode === OPCODE.response);
  });
  afterEach(async () => {
    peer.destroy();
    await broker.close();
    removeDirectory(dataDir);
  });

  async function heard(
    wanted: (frame: ReturnType<typeof parseFrame>) => boolean,
  ): Promise<ReturnType<typeof parseFrame> | undefined> {
    let found: ReturnType<typeof parseFrame> | undefined;
    await peer.until(() => {
      found = peer.heard.map(({ payload }) => parseFrame(payload)).find(wanted);
      return found !== undefined || peer.isClosed;
    });
    return found;
  }

  test.each([
    ['as the broker makes it', 0],
    ['with the id of a topic', 1],
  ])('%s is refused, and changes nothing', async (_how, topicId) => {
    const [forged] = controlBatches(FORGED, SMALL.spanBytes, 1);
    writeUint32(forged as Uint8Array, BATCH.topicId, topicId);
    peer.send(produceFrame(7, forged as Uint8Array));
    peer.send(produceFrame(8, makeBatch([{ body: 'x' }], { topicId: 1 })));
    const refusal = await heard(({ opcode }) => opcode === OPCODE.ack || opcode === OPCODE.error);
    expect(refusal, 'the broker says why').toBeDefined();
    const { opcode, payload } = refusal as ReturnType<typeof parseFrame>;
    const code =
      opcode === OPCODE.error
        ? decodePayload(refusal as ReturnType<typeof parseFrame>)['code']
        : errorCodeOfWire(readUint32(payload, 4));
    expect(['BAD_BATCH', 'TOPIC_NOT_FOUND']).toContain(code);
    const admin = broker.client().admin();
    expect((await admin.listTopics()).map(({ topic }) => topic)).toEqual(['orders']);
    expect((await admin.listGroups()).map(({ group }) => group)).toEqual(['billing']);
  });
});
