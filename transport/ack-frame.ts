/** One connection's ack frame in the making: entries gather in it during a turn, and it is sent and used again. */
import {
  ACK_ENTRY,
  ACK_ENTRY_BYTES,
  FRAME_HEADER_BYTES,
  OPCODE,
  writeFrameHeader,
  writeUint16,
  writeUint32,
  writeUint64,
} from '../native-free/wire/index.js';

const FIRST_ENTRIES = 16;
/** A frame is sent as soon as it holds this many. */
export const MAX_ACK_ENTRIES = 1024;

export class AckFrame {
  #bytes = new Uint8Array(FRAME_HEADER_BYTES + FIRST_ENTRIES * ACK_ENTRY_BYTES);
  count = 0;

  get isFull(): boolean {
    return this.count === MAX_ACK_ENTRIES;
  }

  add(
    id: number,
    status: number,
    durability: number,
    flags: number,
    baseOffset: number,
    position: number,
    storeTime: number,
  ): void {
    const at = FRAME_HEADER_BYTES + this.count * ACK_ENTRY_BYTES;
    if (at === this.#bytes.length) {
      this.#grow();
    }
    const bytes = this.#bytes;
    writeUint32(bytes, at + ACK_ENTRY.id, id);
    writeUint16(bytes, at + ACK_ENTRY.status, status);
    // Of a refused batch the protocol says nothing but its number and why.
    const isStored = status === 0;
    bytes[at + ACK_ENTRY.durability] = isStored ? durability : 0;
    bytes[at + ACK_ENTRY.flags] = isStored ? flags : 0;
    writeUint64(bytes, at + ACK_ENTRY.baseOffset, isStored ? baseOffset : 0);
    writeUint64(bytes, at + ACK_ENTRY.position, isStored ? position : 0);
    writeUint64(bytes, at + ACK_ENTRY.storeTime, isStored ? storeTime : 0);
    this.count++;
  }

  /** The frame with all entries; valid until the next `add`. */
  take(creditLimit: number): Uint8Array {
    writeFrameHeader(this.#bytes, OPCODE.ack, 0, 0, creditLimit);
    const frame = this.#bytes.subarray(0, FRAME_HEADER_BYTES + this.count * ACK_ENTRY_BYTES);
    this.count = 0;
    return frame;
  }

  #grow(): void {
    const larger = new Uint8Array(FRAME_HEADER_BYTES + (this.#bytes.length - FRAME_HEADER_BYTES) * 4);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
