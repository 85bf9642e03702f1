/** A session with a consumer, for tests of what it is delivered. */
import { expect } from 'vitest';
import {
  BATCH,
  type ControlEvent,
  makeFrame,
  OPCODE,
  readUint32,
  readUint64,
  slotAligned,
} from '../../native-free/wire/index.js';
import type { SessionOptions } from '../../transport/session-options.js';
import { FakeEngine } from './fake-engine.js';
import { type FakeSocket, open, type Peer, settle, welcome } from './fake-socket.js';
import { decodePayload, type ParsedFrame, requestFrame } from './make-batch.js';

export const TOPIC = { topicId: 1, topic: 'topic-1', queues: 8, memory: false, createdTime: 0 };

export function engineWithTopic(): FakeEngine {
  const engine = new FakeEngine();
  engine.addTopic(1, 8);
  engine.answer = (method) => (method === 'join' ? { memberId: 'm1', topic: TOPIC } : {});
  return engine;
}

export async function joined(
  engine: FakeEngine,
  params: object = {},
  options: Partial<SessionOptions> = {},
): Promise<Peer & { tell: (event: ControlEvent) => void }> {
  const peer = welcome(open(engine, options));
  peer.session.onFrame(requestFrame(1, 'join', { consumer: 5, group: 'g', topic: 'topic-1', ...params }));
  await settle();
  expect(peer.socket.take(OPCODE.response)).toMatchObject([{ id: 1, flags: 0 }]);
  const [member] = [...engine.members.values()];
  return { ...peer, tell: (event) => member?.onEvent(event) };
}

export function assign(...queues: [queueId: number, offset: number][]): ControlEvent {
  return { event: 'assign', queues: queues.map(([queueId, offset]) => ({ queueId, offset, generation: 1 })) };
}

export function credit(bytes: number): Uint8Array {
  return makeFrame(OPCODE.credit, 5, { value: bytes });
}

/** [queue, base offset] of the batches of deliver frames, in order. */
export function batchesOf(frames: ParsedFrame[]): [number, number][] {
  return frames.flatMap(({ payload }) => {
    const found: [number, number][] = [];
    for (let at = 0; at < payload.length; at += slotAligned(readUint32(payload, at))) {
      found.push([readUint32(payload, at + BATCH.queueId), readUint64(payload, at + BATCH.baseOffset)]);
    }
    return found;
  });
}

export function eventsOf(socket: FakeSocket): Record<string, unknown>[] {
  return socket.take(OPCODE.event).map(decodePayload);
}

export function skipsOf(socket: FakeSocket): number[][] {
  return socket
    .take(OPCODE.skip)
    .map(({ payload }) => [readUint32(payload, 0), readUint32(payload, 4), readUint64(payload, 8)]);
}

export const BIG_CREDIT = 1e9;
