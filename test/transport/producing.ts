/** An engine to produce to, and what comes back, for tests of what a session makes of batches. */
import {
  ACK_ENTRY,
  ACK_ENTRY_BYTES,
  OPCODE,
  readUint16,
  readUint32,
  readUint64,
} from '../../native-free/wire/index.js';
import { FakeEngine } from './fake-engine.js';
import type { FakeSocket } from './fake-socket.js';
import { makeBatch } from './make-batch.js';

/** The acks that have come since the last call. */
export function acksOf(
  socket: FakeSocket,
): { id: number; status: number; durability: number; baseOffset: number }[] {
  return socket.take(OPCODE.ack).flatMap(({ payload }) => {
    const entries = [];
    for (let at = 0; at < payload.length; at += ACK_ENTRY_BYTES) {
      entries.push({
        id: readUint32(payload, at + ACK_ENTRY.id),
        status: readUint16(payload, at + ACK_ENTRY.status),
        durability: payload[at + ACK_ENTRY.durability] as number,
        baseOffset: readUint64(payload, at + ACK_ENTRY.baseOffset),
      });
    }
    return entries;
  });
}

/** It has topic 1, with four queues. */
export function engineWithTopic(): FakeEngine {
  const engine = new FakeEngine();
  engine.addTopic(1, 4);
  return engine;
}

/** One message for the first queue of topic 1. */
export const ONE = makeBatch([{ body: 'one' }]);
