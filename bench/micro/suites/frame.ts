import { checkBatch } from '../../../engine/batch/check.js';
import { controlFrame, controlPayload } from '../../../native-free/client/internal.js';
import { SendLine } from '../../../native-free/client/link/send-line.js';
import { SendBatch } from '../../../native-free/client/produce/send-batch.js';
import { FRAME, FRAME_HEADER_BYTES, OPCODE, readUint32 } from '../../../native-free/wire/index.js';
import { AckFrame } from '../../../transport/ack-frame.js';
import { type MicroCase, type MicroSuite, sink } from '../micro-case.js';
import { frameOf, MESSAGE_100 } from '../sample-batch.js';

/** Frames as each side takes them in. */
export const frameSuite: MicroSuite = {
  name: 'frame',
  open: () => [
    arriving('produce frame of one 100 B message, checked as the broker does', 256),
    arriving('produce frame of 32 KiB, checked as the broker does', 32 * 1024),
    acking(),
    control(),
  ],
};

/** From the frame's first byte to "may enter the ring": opcode, number, checksum, every record's length. */
function arriving(name: string, capacity: number): MicroCase {
  const frame = frameOf(MESSAGE_100, capacity);
  const run = (): void => {
    if (frame[FRAME.opcode] !== OPCODE.produce) {
      throw new Error('it is no produce frame');
    }
    sink.value = readUint32(frame, FRAME.id);
    if (checkBatch(frame.subarray(FRAME_HEADER_BYTES), true, true) !== 0) {
      throw new Error('it was refused');
    }
  };
  return { name, unit: 'frame', count: 1, run };
}

/** A batch's number out, its ack frame made by the broker, its entry found again by the client: 64 at a time. */
function acking(): MicroCase {
  const lane = new SendLine(() => {});
  lane.open(Number.MAX_SAFE_INTEGER);
  const acks = new AckFrame();
  const batch = new SendBatch(256, false);
  const count = 64;
  let nextId = 1;
  let acked = 0;
  const sender = {
    ackRound: 0,
    pump: () => {},
    onAck: () => {
      acked++;
    },
    onAcksEnd: () => {},
    onConnected: () => {},
    onLost: () => {},
    onFailed: () => {},
    onBlamed: () => {},
    onTopicChanged: () => {},
  };
  const run = (): void => {
    acked = 0;
    for (let i = 0; i < count; i++) {
      lane.send(batch, sender);
      acks.add(nextId, 0, 1, 0, nextId, nextId * 64, 1_700_000_000_000);
      nextId = (nextId + 1) >>> 0;
    }
    lane.onAck(acks.take(0));
    if (acked !== count) {
      throw new Error(`${acked} of ${count} batches were acked`);
    }
  };
  return { name: 'number a batch, ack it, find it again', unit: 'batch', count, run };
}

function control(): MicroCase {
  const info = { topic: 'orders', topicId: 1, queues: 4, memory: false, createdTime: 1_700_000_000_000 };
  const run = (): void => {
    sink.value = controlPayload(controlFrame(OPCODE.response, 7, info));
  };
  return { name: 'control frame of five fields, made and parsed', unit: 'frame', count: 1, run };
}
