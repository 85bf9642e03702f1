/** Which records of a batch are looked for. */
import {
  type BatchHeader,
  bodyIsIntact,
  checkRecords,
  readHeader,
} from '../../native-free/batch/batch-reader.js';
import { propertyValueEnd } from '../../native-free/batch/record-check.js';
import { recordSource } from '../../native-free/batch/record-source.js';
import {
  ATTRIBUTE_KIND,
  BATCH,
  BATCH_HEADER_BYTES,
  isRingMQError,
  RECORD,
  RECORD_HEADER_BYTES,
  readUint16,
  readUint32,
  tagBloomBit,
} from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';
import type { FindPage } from './find-page.js';
import type { FindFilter } from './find-request.js';

export class BatchMatch {
  readonly #key: Uint8Array | null;
  readonly #tag: Uint8Array | null;
  readonly #bloomWord: number;
  readonly #bloomMask: number;

  constructor({ key, tag }: Pick<FindFilter, 'key' | 'tag'>) {
    const encoder = new TextEncoder();
    this.#key = key === null ? null : encoder.encode(key);
    this.#tag = tag === null ? null : encoder.encode(tag);
    const bit = this.#tag === null ? 0 : tagBloomBit(this.#tag);
    this.#bloomWord = BATCH.tagBloom + (bit >>> 5) * 4;
    this.#bloomMask = this.#tag === null ? 0 : 1 << (bit & 31);
  }

  /** A header tells something, so that the batch may not be worth reading. */
  get readsHeaders(): boolean {
    return this.#tag !== null;
  }

  /** Whether a batch may have what is looked for, as far as its header tells. */
  mayHave(header: Uint8Array): boolean {
    return this.#tag === null || (readUint32(header, this.#bloomWord) & this.#bloomMask) !== 0;
  }

  /**
   * Puts the records from number `from` on, and below `to`, into the page that match, until it is full. `bytes`
   * is one batch that {@link batchFault} has passed. Returns the number behind the last one looked at.
   */
  collect(
    bytes: Uint8Array,
    header: BatchHeader,
    from: number,
    page: FindPage,
    to = header.recordCount,
  ): number {
    let at = BATCH_HEADER_BYTES;
    for (let index = 0; index < to; index++) {
      if (index >= from) {
        if (page.isFull) {
          return index;
        }
        if (this.#matches(bytes, at)) {
          page.add(bytes, header, at, index);
        }
      }
      at += readUint32(bytes, at + RECORD.length);
    }
    return to;
  }

  #matches(bytes: Uint8Array, at: number): boolean {
    const tagAt = at + RECORD_HEADER_BYTES;
    const attributesAt = tagAt + (bytes[at + RECORD.tagBytes] as number);
    if (this.#tag !== null && !isEqual(bytes, tagAt, attributesAt, this.#tag)) {
      return false;
    }
    const end = attributesAt + readUint16(bytes, at + RECORD.attributesBytes);
    return this.#key === null || hasKey(bytes, attributesAt, end, this.#key);
  }
}

/** What is wrong with the batch that `bytes` begin with; null: nothing, and `header` has it. */
export function batchFault(bytes: Uint8Array, position: number, header: BatchHeader): string | null {
  if (!headerIsValid(bytes, 0, position)) {
    return `log position ${position}: the batch header does not match its checksum or place`;
  }
  try {
    readHeader(bytes, 0, bytes.length, header);
    if (!bodyIsIntact(bytes, header)) {
      return `log position ${position}: the batch does not match its checksum`;
    }
    checkRecords(recordSource(bytes), header);
    return null;
  } catch (error) {
    if (!isRingMQError(error)) {
      throw error;
    }
    return `log position ${position}: ${error.message}`;
  }
}

/** Whether a record's attributes, which were checked, name the key. */
function hasKey(bytes: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  let at = start;
  while (at < end) {
    const kind = bytes[at] as number;
    const textAt = at + 2;
    at = textAt + (bytes[at + 1] as number);
    if (kind === ATTRIBUTE_KIND.key && isEqual(bytes, textAt, at, key)) {
      return true;
    }
    if (kind === ATTRIBUTE_KIND.property) {
      at = propertyValueEnd(bytes, at, end);
    }
  }
  return false;
}

function isEqual(bytes: Uint8Array, start: number, end: number, wanted: Uint8Array): boolean {
  if (end - start !== wanted.length) {
    return false;
  }
  for (let i = 0; i < wanted.length; i++) {
    if (bytes[start + i] !== wanted[i]) {
      return false;
    }
  }
  return true;
}
