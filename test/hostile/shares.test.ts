/** What one connection sends in one piece is taken in over several turns, whole and in its order. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACK_ENTRY_BYTES, FRAME_HEADER_BYTES, OPCODE, readUint32 } from '../../native-free/wire/index.js';
import {
  decodePayload,
  helloFrame,
  makeBatch,
  parseFrame,
  produceFrame,
  requestFrame,
} from '../transport/make-batch.js';
import { BrokerProcess } from './broker-process.js';
import { KINDS } from './kinds.js';
import { RawPeer } from './raw-peer.js';

const BATCHES = 20_000;

describe.each(KINDS)('over %s', (kind) => {
  let broker: BrokerProcess;
  let peer: RawPeer;

  beforeAll(async () => {
    broker = await BrokerProcess.start(kind);
    peer = await RawPeer.open(broker.port);
    peer.send(helloFrame());
  });
  afterAll(async () => {
    peer.destroy();
    await broker.stop();
  });

  async function ask(id: number, method: string, params: object): Promise<Record<string, unknown>> {
    peer.send(requestFrame(id, method, params));
    const answer = () =>
      peer.heard
        .map(({ payload }) => parseFrame(payload))
        .find((frame) => frame.opcode === OPCODE.response && frame.id === id);
    await peer.until(() => answer() !== undefined || peer.isClosed);
    return decodePayload(answer() as ReturnType<typeof parseFrame>);
  }

  test.each([true, false])(
    'a frame of 20,000 tiny batches is acked whole, in its order (memory topic: %s)',
    async (memory) => {
      const topic = `tiny-${memory}`;
      const { topicId } = await ask(1, 'createTopic', { topic, queues: 1, memory });
      const batches = Array.from({ length: BATCHES }, () =>
        makeBatch([{ body: '' }], { topicId: Number(topicId) }),
      );
      peer.heard.length = 0;
      peer.send(produceFrame(1, ...batches));
      // One that comes behind must not overtake those that wait for their turn.
      peer.send(produceFrame(BATCHES + 1, batches[0] as Uint8Array));
      const acked: number[] = [];
      await peer.until(() => {
        for (const { payload } of peer.heard.splice(0)) {
          const frame = parseFrame(payload);
          for (let at = FRAME_HEADER_BYTES; frame.opcode === OPCODE.ack && at < payload.length; ) {
            acked.push(readUint32(payload, at));
            at += ACK_ENTRY_BYTES;
          }
        }
        return acked.length > BATCHES || peer.isClosed;
      });
      expect(acked).toEqual(Array.from({ length: BATCHES + 1 }, (_, i) => i + 1));
      expect(await ask(2, 'describeTopic', { topic })).toMatchObject({
        queueStates: [{ queueId: 0, minOffset: 0, maxOffset: BATCHES + 1 }],
      });
    },
  );
});
