/** What a hostile or broken client may do to a broker. Each goes on until its time is over, whatever becomes of its connections. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { OVERSIZE_BYTES } from '../../native-free/listener/types.js';
import { MAX_FRAME_BYTES, makeFrame, OPCODE } from '../../native-free/wire/index.js';
import { controlFrame, helloFrame, makeBatch, produceFrame, requestFrame } from '../transport/make-batch.js';
import { API_ATTACKS } from './api-attacks.js';
import { type Attack, type AttackContext, flood, repeated, WIDE_TOPIC, welcomed } from './attack-tools.js';
import { HTTP_ATTACKS } from './http-attacks.js';
import { ODD_ATTACKS } from './odd-attacks.js';
import { PROTOCOL_ATTACKS } from './protocol-attacks.js';
import { RawPeer, upgradeRequest, WS_OPCODE, wsFrame } from './raw-peer.js';

async function idle(context: AttackContext): Promise<void> {
  while (context.goesOn()) {
    await sleep(20);
  }
}

/** `count` connections, each holding `bytes` of a message that does not end. */
function holding(count: number, options: { hello: boolean; fragments: boolean }): Attack {
  return async (context) => {
    const peers: RawPeer[] = [];
    // The largest that is not refused by its header.
    const size = MAX_FRAME_BYTES + OVERSIZE_BYTES;
    while (context.goesOn()) {
      if (peers.filter(({ isClosed }) => !isClosed).length < count) {
        const peer = await RawPeer.open(context.port).catch(() => null);
        if (peer === null) {
          await sleep(10);
          continue;
        }
        peers.push(peer);
        if (options.hello) {
          peer.send(helloFrame());
        }
        if (options.fragments) {
          peer.send(Buffer.alloc(65_536), { fin: false });
          for (let sent = 65_536; sent < size - 65_536 && !peer.isClosed; sent += 65_536) {
            peer.send(Buffer.alloc(65_536), { fin: false, opcode: WS_OPCODE.continuation });
            await peer.writable();
          }
        } else {
          peer.send(Buffer.alloc(size - 1), { claimedBytes: size });
        }
      } else {
        await sleep(50);
        for (const peer of peers) {
          peer.send(new Uint8Array(0), { opcode: WS_OPCODE.ping });
        }
      }
    }
    for (const peer of peers) {
      peer.destroy();
    }
  };
}

/** Connections that begin HTTP and send a byte now and then. */
const slowLoris: Attack = async (context) => {
  const request = upgradeRequest();
  const peers: RawPeer[] = [];
  let at = 0;
  while (context.goesOn()) {
    for (let i = 0; i < 20; i++) {
      peers.push(new RawPeer(context.port));
    }
    for (const peer of peers) {
      peer.write(Buffer.from(request.slice(at % 64, (at % 64) + 1)));
    }
    at++;
    await sleep(50);
  }
  for (const peer of peers) {
    peer.destroy();
  }
};

/** The costliest requests, as many as may be in flight, from a connection that is closed at once. */
function costlyAndGone(request: (id: number) => Uint8Array): Attack {
  return async (context) => {
    const burst = Buffer.concat(Array.from({ length: 1_024 }, (_, id) => wsFrame(request(id))));
    while (context.goesOn()) {
      const peer = await welcomed(context.port).catch(() => null);
      if (peer === null) {
        await sleep(10);
        continue;
      }
      peer.write(burst);
      await peer.writable();
      peer.socket.end();
      await sleep(20);
    }
  };
}

/** A member of the group that commits and releases queues without end: lists of 16,384, right and wrong. */
function member(method: string, list: string, entry: (queueId: number) => object): Attack {
  return async (context) => {
    const entries = Array.from({ length: 16_384 }, (_, queueId) => entry(queueId));
    const frame = wsFrame(requestFrame(2, method, { consumer: 1, [list]: entries }));
    while (context.goesOn()) {
      const peer = await welcomed(context.port);
      const join = { consumer: 1, group: 'mine', topic: WIDE_TOPIC, from: 'latest' };
      peer.send(requestFrame(1, 'join', join));
      while (context.goesOn() && !peer.isClosed) {
        peer.write(frame);
        await Promise.race([peer.writable(), sleep(100)]);
        await new Promise((resolve) => setImmediate(resolve));
      }
      peer.destroy();
    }
  };
}

/** Topics made and deleted, of which every connection is told. */
const topicStorm: Attack = async (context) => {
  const peer = await welcomed(context.port);
  for (let round = 0; context.goesOn() && !peer.isClosed; round++) {
    const topic = `storm-${round % 50}`;
    peer.write(
      Buffer.concat([
        wsFrame(requestFrame(1, 'createTopic', { topic, queues: 100, memory: false })),
        wsFrame(requestFrame(2, 'deleteTopic', { topic })),
      ]),
    );
    await peer.writable();
    await new Promise((resolve) => setImmediate(resolve));
  }
  peer.destroy();
};

const joinStorm: Attack = async (context) => {
  const one = async (number: number): Promise<void> => {
    while (context.goesOn()) {
      const peer = await welcomed(context.port);
      let round = 0;
      while (context.goesOn() && !peer.isClosed) {
        const frames: Buffer[] = [];
        for (let i = 1; i <= 100; i++) {
          const consumer = { consumer: i };
          const join = { ...consumer, group: `storm-${number}`, topic: WIDE_TOPIC, from: 'latest' };
          frames.push(
            wsFrame(requestFrame(round++, 'join', join)),
            wsFrame(requestFrame(round++, 'leave', consumer)),
          );
        }
        peer.write(Buffer.concat(frames));
        await peer.writable();
        await new Promise((resolve) => setImmediate(resolve));
      }
      peer.destroy();
    }
  };
  await Promise.all([one(1), one(2)].map((running) => running.catch(() => {})));
};

/** Connections made and dropped as fast as they may be. */
const connectStorm: Attack = async (context) => {
  const one = async (): Promise<void> => {
    while (context.goesOn()) {
      const peer = new RawPeer(context.port);
      await Promise.race([once(peer.socket, 'connect'), once(peer.socket, 'close')]).catch(() => {});
      peer.write(Buffer.from(upgradeRequest()));
      peer.write(wsFrame(helloFrame()));
      await new Promise((resolve) => setImmediate(resolve));
      peer.destroy();
    }
  };
  await Promise.all(Array.from({ length: 8 }, one));
};

/** Ends its connection by a fault, and goes on to send at full speed. */
const sendOnAfterClose: Attack = async (context) => {
  const fault = wsFrame(new Uint8Array(16).fill(255));
  const more = wsFrame(Buffer.alloc(1_000_000));
  const one = async (): Promise<void> => {
    while (context.goesOn()) {
      const peer = await welcomed(context.port);
      peer.stopReading();
      peer.write(fault);
      while (context.goesOn() && !peer.isClosed) {
        peer.write(more);
        await Promise.race([peer.writable(), sleep(100)]);
      }
      peer.destroy();
    }
  };
  await Promise.all([one(), one()].map((running) => running.catch(() => {})));
};

/** A map whose one value is an array of so many nils. */
function bomb(method: string, values: number): Uint8Array {
  const head = Buffer.from([
    0x82,
    0xa6,
    ...Buffer.from('method'),
    0xa0 | method.length,
    ...Buffer.from(method),
  ]);
  const key = Buffer.from([
    0xa1,
    0x61,
    0xdd,
    values >>> 24,
    (values >> 16) & 255,
    (values >> 8) & 255,
    values & 255,
  ]);
  return makeFrame(OPCODE.request, 1, { payload: Buffer.concat([head, key, Buffer.alloc(values, 0xc0)]) });
}

const WIDE = { topic: WIDE_TOPIC };
const COMMIT = {
  consumer: 1,
  offsets: Array.from({ length: 16_384 }, (_, queueId) => ({ queueId, generation: 1, offset: 0 })),
};

export const ATTACKS: Record<string, Attack> = {
  'nothing, to compare': (context) => idle(context),
  'WebSocket pings, unread': flood(repeated(wsFrame(Buffer.alloc(125), { opcode: WS_OPCODE.ping }), 500), {
    reads: false,
  }),
  'WebSocket pings, read': flood(repeated(wsFrame(Buffer.alloc(125), { opcode: WS_OPCODE.ping }), 500)),
  'protocol pings, unread': flood(repeated(wsFrame(makeFrame(OPCODE.ping, 7)), 2_000), { reads: false }),
  'protocol pings, read': flood(repeated(wsFrame(makeFrame(OPCODE.ping, 7)), 2_000)),
  'tiny frames': flood(repeated(wsFrame(makeFrame(OPCODE.pong, 7)), 2_000), { connections: 4 }),
  'credit for nobody': flood(repeated(wsFrame(makeFrame(OPCODE.credit, 7, { value: 9 })), 2_000)),
  'empty continuation frames': flood(
    Buffer.concat([
      wsFrame(new Uint8Array(0), { fin: false }),
      repeated(wsFrame(new Uint8Array(0), { fin: false, opcode: WS_OPCODE.continuation }), 5_000),
    ]),
  ),
  'answers unread': flood(repeated(wsFrame(requestFrame(1, 'describeTopic', WIDE)), 50), { reads: false }),
  'small answers unread': flood(repeated(wsFrame(requestFrame(1, 'listTopics')), 500), { reads: false }),
  'costly requests, read': flood(repeated(wsFrame(requestFrame(1, 'describeTopic', WIDE)), 50)),
  'costly requests, gone': costlyAndGone((id) => requestFrame(id, 'describeTopic', WIDE)),
  'costly groups, gone': costlyAndGone((id) => requestFrame(id, 'describeGroup', { group: 'wide-group' })),
  'costly resets, gone': costlyAndGone((id) =>
    requestFrame(id, 'resetOffset', { group: 'nobody', topic: WIDE_TOPIC, to: { time: 1 } }),
  ),
  'unknown methods': flood(repeated(wsFrame(requestFrame(1, 'x')), 1_000)),
  'unknown topics': flood(repeated(wsFrame(requestFrame(1, 'topicMetadata', { topic: 'no' })), 1_000)),
  'MessagePack bombs': flood(wsFrame(bomb('listTopics', 262_000))),
  'MessagePack bombs for commit': flood(wsFrame(bomb('commit', 262_000))),
  'commits of everything': flood(wsFrame(requestFrame(1, 'commit', COMMIT))),
  'commits of a member': member('commit', 'offsets', (queueId) => ({ queueId, generation: 1, offset: 0 })),
  'commits that are wrong': member('commit', 'offsets', () => ({ queueId: 'x' })),
  'releases of a member': member('released', 'queues', (queueId) => ({ queueId, generation: 1 })),
  'topics made and deleted': topicStorm,
  'garbage text of 4 MB': flood(
    wsFrame(requestFrame(1, 'listTopics', { a: '\ud83d\ude00é'.repeat(690_000) })),
  ),
  'garbage keys': flood(
    wsFrame(
      controlFrame(
        OPCODE.request,
        1,
        Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`key-${i}`, i])),
      ),
    ),
  ),
  'join and leave': joinStorm,
  'batches for nobody': flood(wsFrame(produceFrame(1, makeBatch([{ body: 'x' }], { topicId: 4_000_000 })))),
  'records that are malformed': flood(
    wsFrame(produceFrame(1, makeBatch([{ body: 'x', attributes: Buffer.alloc(9, 77) }], { topicId: 1 }))),
  ),
  'batches that are garbage': flood(wsFrame(produceFrame(1, Buffer.alloc(200_000, 7)))),
  'unended messages before hello': holding(40, { hello: false, fragments: false }),
  'unended messages after hello': holding(40, { hello: true, fragments: false }),
  'unended messages in fragments': holding(40, { hello: true, fragments: true }),
  'HTTP that does not end': slowLoris,
  'connections made and dropped': connectStorm,
  'sent on after the close': sendOnAfterClose,
  'text messages': flood(wsFrame(Buffer.from('hello'), { opcode: WS_OPCODE.text })),
  ...PROTOCOL_ATTACKS,
  ...HTTP_ATTACKS,
  ...API_ATTACKS,
  ...ODD_ATTACKS,
};
