/** Attacks in the protocol's own words, by connections that have said hello. */
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFrame, OPCODE } from '../../native-free/wire/index.js';
import { decodePayload, makeBatch, parseFrame, produceFrame, requestFrame } from '../transport/make-batch.js';
import { type Attack, flood, HEALTHY_TOPIC, repeated, WIDE_TOPIC, welcomed } from './attack-tools.js';
import { type RawPeer, WS_OPCODE, wsFrame } from './raw-peer.js';

/** Asks, and waits for the answer. */
async function ask(
  peer: RawPeer,
  id: number,
  method: string,
  params: object,
): Promise<Record<string, unknown>> {
  peer.keepsNothing = false;
  peer.send(requestFrame(id, method, params));
  for (;;) {
    for (const { payload } of peer.heard.splice(0)) {
      const frame = parseFrame(payload);
      if (frame.opcode === OPCODE.response && frame.id === id) {
        peer.keepsNothing = true;
        return decodePayload(frame);
      }
    }
    if (peer.isClosed) {
      return {};
    }
    await peer.until(() => peer.heard.length > 0 || peer.isClosed);
  }
}

/** Over `connections`: what `prepare` gives is written again and again. */
function storm(connections: number, prepare: (peer: RawPeer, number: number) => Promise<Uint8Array>): Attack {
  return async ({ port, goesOn }) => {
    const one = async (number: number): Promise<void> => {
      while (goesOn()) {
        const peer = await welcomed(port);
        const bytes = await prepare(peer, number);
        while (goesOn() && !peer.isClosed) {
          peer.write(bytes);
          await Promise.race([peer.writable(), sleep(100)]);
          await new Promise((resolve) => setImmediate(resolve));
        }
        peer.destroy();
        await sleep(10);
      }
    };
    await Promise.all(Array.from({ length: connections }, (_, number) => one(number).catch(() => {})));
  };
}

/** A frame of as many batches of one record as go into it. */
async function tinyBatches(peer: RawPeer, topic: string): Promise<Uint8Array> {
  const { topicId } = await ask(peer, 1, 'topicMetadata', { topic });
  const batches = Array.from({ length: 30_000 }, (_, sequence) =>
    makeBatch([{ body: '' }], { topicId: Number(topicId), sequence }),
  );
  return wsFrame(produceFrame(1, ...batches));
}

function joined(topic: string, changes: object = {}): object {
  return { consumer: 1, group: null, topic, from: 'earliest', ...changes };
}

const ALL_QUEUES = Array.from({ length: 16_384 }, (_, queueId) => ({ queueId, generation: 1 }));

/** A connection that joins with every consumer it may have. */
function joinsOfAll(group: (number: number, consumer: number) => string | null): Attack {
  return async ({ port, goesOn }) => {
    const one = async (number: number): Promise<void> => {
      while (goesOn()) {
        const peer = await welcomed(port);
        for (let consumer = 1; goesOn() && !peer.isClosed; consumer = (consumer % 1_024) + 1) {
          peer.send(
            requestFrame(consumer, 'join', joined(WIDE_TOPIC, { consumer, group: group(number, consumer) })),
          );
          await peer.writable();
          if (consumer % 16 === 0) {
            await sleep(1);
          }
        }
        peer.destroy();
      }
    };
    await Promise.all([one(1), one(2)].map((running) => running.catch(() => {})));
  };
}

export const PROTOCOL_ATTACKS: Record<string, Attack> = {
  'tiny batches': storm(2, (peer) => tinyBatches(peer, WIDE_TOPIC)),
  'credit for a consumer': storm(2, async (peer) => {
    await ask(peer, 1, 'join', joined(HEALTHY_TOPIC));
    return repeated(wsFrame(makeFrame(OPCODE.credit, 1, { value: 1_000_000_000 })), 2_000);
  }),
  'deliveries unread': storm(8, async (peer) => {
    await ask(peer, 1, 'join', joined(HEALTHY_TOPIC));
    peer.stopReading();
    return wsFrame(makeFrame(OPCODE.credit, 1, { value: 1_000_000_000 }));
  }),
  'readers as many as may be': joinsOfAll(() => null),
  'groups as many as may be': joinsOfAll((number, consumer) => `many-${number}-${consumer}`),
  'seeks of everything': storm(2, async (peer, number) => {
    await ask(peer, 1, 'join', joined(WIDE_TOPIC, { group: `seek-${number}` }));
    return wsFrame(requestFrame(2, 'seek', { consumer: 1, queues: ALL_QUEUES, to: { time: 1 } }));
  }),
  'flow of everything': storm(2, async (peer) => {
    await ask(peer, 1, 'join', joined(WIDE_TOPIC));
    const queues = ALL_QUEUES.map((queue) => ({ ...queue, offset: null }));
    return wsFrame(requestFrame(2, 'flow', { consumer: 1, queues }));
  }),
  'small commits': storm(2, async (peer, number) => {
    await ask(peer, 1, 'join', joined(HEALTHY_TOPIC, { group: `small-${number}` }));
    const offsets = [{ queueId: 0, generation: 1, offset: 0 }];
    return repeated(wsFrame(requestFrame(2, 'commit', { consumer: 1, offsets })), 200);
  }),
  'resets of a group': storm(2, async (peer) => {
    await ask(peer, 1, 'createGroup', { group: 'reset', ifNotExists: true });
    return wsFrame(requestFrame(2, 'resetOffset', { group: 'reset', topic: WIDE_TOPIC, to: { time: 1 } }));
  }),
  'groups made and deleted': storm(2, (_, number) =>
    Promise.resolve(
      Buffer.concat([
        wsFrame(requestFrame(1, 'createGroup', { group: `made-${number}` })),
        wsFrame(requestFrame(2, 'deleteGroup', { group: `made-${number}` })),
      ]),
    ),
  ),
  'wide topics made and deleted': storm(2, (_, number) =>
    Promise.resolve(
      Buffer.concat([
        wsFrame(requestFrame(1, 'createTopic', { topic: `wide-${number}`, queues: 8_000, memory: false })),
        wsFrame(requestFrame(2, 'deleteTopic', { topic: `wide-${number}` })),
      ]),
    ),
  ),
  'pages as long as may be': flood(
    wsFrame(requestFrame(1, 'describeTopic', { topic: WIDE_TOPIC, limit: 10_000 })),
  ),
  'pages as long as may be, unread': flood(
    wsFrame(requestFrame(1, 'describeTopic', { topic: WIDE_TOPIC, limit: 10_000 })),
    { reads: false, connections: 8 },
  ),
  'statistics of queues': flood(repeated(wsFrame(requestFrame(1, 'queueStats')), 50)),
  statistics: flood(repeated(wsFrame(requestFrame(1, 'stats')), 200)),
  'continuation frames of a byte': flood(
    Buffer.concat([
      wsFrame(new Uint8Array(1), { fin: false }),
      repeated(wsFrame(new Uint8Array(1), { fin: false, opcode: WS_OPCODE.continuation }), 5_000),
    ]),
  ),
  'frames that are not masked': flood(wsFrame(makeFrame(OPCODE.ping, 7), { masked: false })),
  'closes with odd codes': flood(wsFrame(Uint8Array.of(0, 1, 0xff, 0xfe), { opcode: WS_OPCODE.close })),
  'closes without end': flood(repeated(wsFrame(Uint8Array.of(3, 232), { opcode: WS_OPCODE.close }), 1_000), {
    reads: false,
  }),
  'opcodes that are not there': flood(wsFrame(new Uint8Array(16), { opcode: 11 })),
  'hellos again and again': flood(repeated(wsFrame(makeFrame(OPCODE.hello, 0)), 100)),
};
