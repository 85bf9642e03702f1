import { controlFrame, controlPayload, type Link } from '../../native-free/client/internal.js';
import {
  ACK_ENTRY,
  ACK_ENTRY_BYTES,
  FRAME,
  FRAME_HEADER_BYTES,
  MAX_BATCH_BYTES,
  MAX_BODY_BYTES,
  MAX_FRAME_BYTES,
  OPCODE,
  readUint32,
  type Welcome,
  writeUint32,
  writeUint64,
} from '../../native-free/wire/index.js';

/** A link with no broker behind it: acks every produce frame in the next turn, answers what a producer asks. */
export class AckingLink implements Link {
  onFrame: ((frame: Uint8Array) => void) | null = null;
  onClose: ((reason?: unknown) => void) | null = null;
  readonly framesAreOwned = true;
  readonly bufferedBytes = 0;
  #ids: number[] = [];

  send(frame: Uint8Array): void {
    const id = readUint32(frame, FRAME.id);
    if (frame[FRAME.opcode] === OPCODE.produce) {
      this.#ids.push(id);
      if (this.#ids.length === 1) {
        setImmediate(() => this.#ack());
      }
    } else if (frame[FRAME.opcode] === OPCODE.hello) {
      this.#welcome();
    } else if (controlPayload(frame)['method'] === 'topicMetadata') {
      const info = { topic: 't', topicId: 1, queues: 4, memory: false, createdTime: 0 };
      setImmediate(() => this.onFrame?.(controlFrame(OPCODE.response, id, info)));
    }
  }

  close(): void {}

  #welcome(): void {
    const brokerId = '0123456789abcdef';
    const welcome = {
      version: 1,
      features: [],
      brokerId,
      openingId: brokerId,
      brokerName: 'x',
      flush: 'async',
      listener: 'embedded',
      limits: { bodyBytes: MAX_BODY_BYTES, batchBytes: MAX_BATCH_BYTES, frameBytes: MAX_FRAME_BYTES },
    } satisfies Welcome;
    const answer = controlFrame(OPCODE.welcome, 0, welcome);
    writeUint64(answer, FRAME.value, 2 ** 50);
    setImmediate(() => this.onFrame?.(answer));
  }

  #ack(): void {
    const ids = this.#ids;
    this.#ids = [];
    const frame = new Uint8Array(FRAME_HEADER_BYTES + ids.length * ACK_ENTRY_BYTES);
    frame[FRAME.opcode] = OPCODE.ack;
    ids.forEach((id, i) => {
      writeUint32(frame, FRAME_HEADER_BYTES + i * ACK_ENTRY_BYTES + ACK_ENTRY.id, id);
    });
    this.onFrame?.(frame);
  }
}
