/**
 * Packs messages into the bytes that travel: frame header, batch header, records, in one buffer, nothing
 * copied after.
 *
 *     0              16               112
 *     ┌──────────────┬────────────────┬─────────────────┐
 *     │ frame header │ batch header   │ records …       │  capacity
 *     └──────────────┴────────────────┴─────────────────┘
 */
import { crc32 } from '#checksum';
import {
  BATCH,
  BATCH_ATTRIBUTE,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  BATCH_VERSION,
  FRAME,
  FRAME_HEADER_BYTES,
  MAX_BODY_BYTES,
  OPCODE,
  RECORD,
  RECORD_FLAG,
  RECORD_HEADER_BYTES,
  tagBloomBit,
} from '../wire/index.js';
import { badMessage, bodyTooLarge, checkReadable } from './message-parts.js';
import type { OutgoingMessage } from './outgoing-message.js';
import { recordBound, writeAttributes, writeTag } from './record-writer.js';
import { letGo, type TakenMessage, takeMessage } from './taken-message.js';
import { writeUtf8 } from './text.js';
import { byteCount, copyBytes } from './true-bytes.js';
import type { TurnClock } from './turn-clock.js';

/** Where records begin in the buffer. */
export const RECORDS_AT = FRAME_HEADER_BYTES + BATCH_HEADER_BYTES;

/** What the hot path needs, in constants of its own: those are compiled in, while imported ones are looked up with every use. */
const { length: LENGTH_AT, bornDelta: BORN_DELTA_AT, flags: FLAGS_AT } = RECORD;
const HEADER_BYTES = RECORD_HEADER_BYTES;
const BODY_LIMIT = MAX_BODY_BYTES;
const HAS_BODY = RECORD_FLAG.hasBody;
/** Called like this the method is known beforehand; as a property of the bytes it is looked up each time. */
const copyInto = Uint8Array.prototype.set;

/** Farthest a record's born time may be from its batch's: what an i32 of milliseconds holds. */
const MAX_BORN_DELTA = 0x7fffffff;

/** Who sends a batch and where it goes. */
export interface BatchAddress {
  topicId: number;
  queueId: number;
  attributes: number;
}

/** One buffer being filled. Reused: {@link reset} makes it empty again. */
export class BatchBuilder {
  /** The whole buffer. Its owner leaves it alone while the batch is on its way. */
  bytes: Uint8Array;
  view: DataView;
  /** Where the next record begins. */
  at = RECORDS_AT;
  count = 0;
  bornTime = 0;
  #bloomLow = 0;
  #bloomHigh = 0;
  /** The last tag and its bloom bit: runs of one tag are common, and hashing it again is not needed. */
  #lastTag = '';
  #lastBit = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(new ArrayBuffer(capacity));
    this.view = new DataView(this.bytes.buffer);
  }

  get capacity(): number {
    return this.bytes.length;
  }

  reset(): void {
    this.at = RECORDS_AT;
    this.count = 0;
    this.#bloomLow = 0;
    this.#bloomHigh = 0;
  }

  /**
   * Packs one message. False: it does not fit (or its born time is too far from the batch's) and nothing was
   * written. Throws `BAD_MESSAGE` or `MESSAGE_TOO_LARGE`; the batch is as it was then.
   */
  append(message: OutgoingMessage, bornTime: number): boolean {
    const taken = takeMessage(message);
    try {
      return this.appendTaken(taken, bornTime);
    } finally {
      letGo(taken);
    }
  }

  /** The same for one whose parts have been read. */
  appendTaken(message: TakenMessage, bornTime: number): boolean {
    return message.isPlain
      ? this.#appendBody(message.body as Uint8Array, bornTime)
      : this.#appendFull(message, bornTime);
  }

  /**
   * The short way of {@link append} for what most messages of a fast producer are: a body of bytes alone,
   * born now, not the first of a batch (which gives the batch its born time). `length`: the body's, by
   * {@link byteCountOrNone}. Bytes of the record; 0: the body does not fit or is for the long way, nothing was
   * written. One function for V8 to compile as a whole: calls within would cost as much as all else here.
   * Nothing of the caller's is run: whoever has asked the body what it is may have been answered by a
   * prototype that closes this very batch.
   */
  appendUsual(body: Uint8Array, length: number, clock: TurnClock): number {
    const bytes = this.bytes;
    const start = this.at;
    const size = HEADER_BYTES + length;
    // Bytes that have gone have no length, either.
    if (this.count === 0 || size > bytes.length - start || length > BODY_LIMIT || length === 0) {
      return 0;
    }
    clock.tick();
    const delta = clock.time - this.bornTime;
    if (delta > MAX_BORN_DELTA || delta < -MAX_BORN_DELTA) {
      return 0;
    }
    const view = this.view;
    view.setUint32(start + LENGTH_AT, size, true);
    view.setInt32(start + BORN_DELTA_AT, delta, true);
    view.setUint32(start + FLAGS_AT, HAS_BODY, true);
    try {
      copyInto.call(bytes, body, start + HEADER_BYTES);
    } catch {
      // They grew in this moment: the long way tells that.
      return 0;
    }
    this.at = start + size;
    this.count++;
    return size;
  }

  /** Appends a record that another builder wrote, as it is. False: it does not fit, or its born time is too far away. */
  appendRecord(record: Uint8Array, bornTime: number): boolean {
    const start = this.at;
    if (record.length > this.bytes.length - start || !this.#begin(bornTime)) {
      return false;
    }
    this.bytes.set(record, start);
    this.view.setInt32(start + RECORD.bornDelta, bornTime - this.bornTime, true);
    const tagBytes = this.bytes[start + RECORD.tagBytes] as number;
    if (tagBytes > 0) {
      const at = start + RECORD_HEADER_BYTES;
      this.#addBit(tagBloomBit(this.bytes.subarray(at, at + tagBytes)));
    }
    this.at = start + record.length;
    this.count++;
    return true;
  }

  #appendBody(body: Uint8Array, bornTime: number): boolean {
    const length = byteCount(body);
    if (length > MAX_BODY_BYTES) {
      throw bodyTooLarge(length);
    }
    if (length === 0) {
      checkReadable('body', body);
    }
    const start = this.at;
    const end = start + RECORD_HEADER_BYTES + length;
    if (end > this.bytes.length || !this.#begin(bornTime)) {
      return false;
    }
    copyBytes(this.bytes, start + RECORD_HEADER_BYTES, body, length);
    this.#finish(start, end, bornTime, RECORD_FLAG.hasBody, 0, 0);
    return true;
  }

  #appendFull(message: TakenMessage, bornTime: number): boolean {
    const { body } = message;
    const bodyUnits = body === null ? 0 : typeof body === 'string' ? body.length : byteCount(body);
    // A text of n units has at least n bytes: far too large ones are not even counted.
    if (bodyUnits > MAX_BODY_BYTES) {
      throw bodyTooLarge(bodyUnits);
    }
    const start = this.at;
    if (start + recordBound(message) > this.bytes.length || !this.#begin(bornTime)) {
      return false;
    }
    let at = start + RECORD_HEADER_BYTES;
    let tagBytes = 0;
    if (message.tag !== undefined) {
      tagBytes = writeTag(this.bytes, at, message.tag);
      at += tagBytes;
    }
    const attributesAt = at;
    at = writeAttributes(this.bytes, this.view, at, tagBytes, message);
    const attributesBytes = at - attributesAt;
    let flags = 0;
    if (body !== null) {
      flags = RECORD_FLAG.hasBody;
      if (typeof body === 'string') {
        const written = writeUtf8(this.bytes, at, body);
        if (written > MAX_BODY_BYTES) {
          throw bodyTooLarge(written);
        }
        at += written;
      } else {
        if (bodyUnits > this.bytes.length - at) {
          throw badMessage('body', 'grew while it was read');
        }
        copyBytes(this.bytes, at, body, bodyUnits);
        at += bodyUnits;
      }
    }
    if (tagBytes > 0) {
      this.#addToBloom(message.tag as string, start + RECORD_HEADER_BYTES, tagBytes);
    }
    this.#finish(start, at, bornTime, flags, tagBytes, attributesBytes);
    return true;
  }

  /** The first record gives the batch its born time; later ones must be within reach of it. */
  #begin(bornTime: number): boolean {
    if (this.count === 0) {
      this.bornTime = bornTime;
      return true;
    }
    const delta = bornTime - this.bornTime;
    return delta <= MAX_BORN_DELTA && delta >= -MAX_BORN_DELTA;
  }

  #finish(
    start: number,
    end: number,
    bornTime: number,
    flags: number,
    tagBytes: number,
    attributesBytes: number,
  ): void {
    const view = this.view;
    view.setUint32(start + RECORD.length, end - start, true);
    view.setInt32(start + RECORD.bornDelta, bornTime - this.bornTime, true);
    view.setUint32(start + RECORD.flags, flags | (tagBytes << 8) | (attributesBytes << 16), true);
    this.at = end;
    this.count++;
  }

  #addToBloom(tag: string, at: number, length: number): void {
    if (tag !== this.#lastTag) {
      this.#lastTag = tag;
      this.#lastBit = tagBloomBit(this.bytes.subarray(at, at + length));
    }
    this.#addBit(this.#lastBit);
  }

  #addBit(bit: number): void {
    if (bit < 32) {
      this.#bloomLow |= 1 << bit;
    } else {
      this.#bloomHigh |= 1 << (bit - 32);
    }
  }

  /** Writes the batch header, all but who sends it (see {@link address}), with the checksum of the records. */
  seal(): void {
    const view = this.view;
    const at = FRAME_HEADER_BYTES;
    this.bytes.fill(0, 0, RECORDS_AT);
    view.setUint32(at + BATCH.length, this.at - FRAME_HEADER_BYTES, true);
    this.bytes[at + BATCH.version] = BATCH_VERSION;
    this.bytes[at + BATCH.type] = BATCH_TYPE.data;
    view.setUint32(at + BATCH.bodyCrc, crc32(this.bytes, RECORDS_AT, this.at), true);
    view.setUint32(at + BATCH.recordCount, this.count, true);
    writeTime(view, at + BATCH.bornTime, this.bornTime);
    view.setInt32(at + BATCH.tagBloom, this.#bloomLow, true);
    view.setInt32(at + BATCH.tagBloom + 4, this.#bloomHigh, true);
  }

  /** Writes where the batch goes and who sends it. None of it is under the producer's checksum. */
  address(
    to: BatchAddress,
    producer: { idLow: number; idHigh: number; epoch: number },
    sequence: number,
  ): void {
    const view = this.view;
    const at = FRAME_HEADER_BYTES;
    view.setUint16(at + BATCH.attributes, to.attributes, true);
    view.setUint32(at + BATCH.producerId, producer.idLow, true);
    view.setUint32(at + BATCH.producerId + 4, producer.idHigh, true);
    view.setUint32(at + BATCH.producerEpoch, producer.epoch, true);
    view.setUint32(at + BATCH.sequence, sequence, true);
    view.setUint32(at + BATCH.topicId, to.topicId, true);
    view.setUint32(at + BATCH.queueId, to.queueId, true);
  }

  /** Whether it was sent before, so that the broker may have it. After {@link address}. */
  markSentBefore(wasSent: boolean): void {
    const at = FRAME_HEADER_BYTES + BATCH.attributes;
    const attributes = this.view.getUint16(at, true) & ~BATCH_ATTRIBUTE.sentBefore;
    this.view.setUint16(at, wasSent ? attributes | BATCH_ATTRIBUTE.sentBefore : attributes, true);
  }

  /** The produce frame, numbered `id`: a view of the buffer. */
  frame(id: number): Uint8Array {
    this.bytes[FRAME.opcode] = OPCODE.produce;
    this.view.setUint32(FRAME.id, id, true);
    return this.bytes.subarray(0, this.at);
  }

  /** Moves to a buffer of exactly the size needed, so that one small batch does not hold a large buffer while it waits. */
  shrink(): void {
    this.bytes = this.bytes.slice(0, this.at);
    this.view = new DataView(this.bytes.buffer);
  }
}

function writeTime(view: DataView, at: number, time: number): void {
  const high = Math.floor(time / 4294967296);
  view.setUint32(at, time - high * 4294967296, true);
  view.setUint32(at + 4, high, true);
}

/** Checks a born time given by the caller. Throws `BAD_MESSAGE`. */
export function checkBornTime(time: unknown): number {
  if (!Number.isSafeInteger(time) || (time as number) < 0) {
    // What an object says of itself may be anything, an error too.
    const value = typeof time === 'object' && time !== null ? 'an object' : String(time);
    const shown = String(value).slice(0, 64);
    throw badMessage('bornTime', `must be whole milliseconds since 1970, not ${shown}`, { value: shown });
  }
  return time as number;
}

/** Buffer for one message that fits no usual one. */
export function capacityFor(message: TakenMessage): number {
  return RECORDS_AT + recordBound(message);
}
