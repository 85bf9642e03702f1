/** Entries of the key index as they are gathered: pairs of hash and place, to be sorted. */
import { propertyValueEnd } from '../../../native-free/batch/record-check.js';
import { BATCH, BATCH_HEADER_BYTES, readUint16, readUint32 } from '../../../native-free/wire/batch-layout.js';
import { ATTRIBUTE_KIND, RECORD, RECORD_HEADER_BYTES } from '../../../native-free/wire/record-layout.js';
import { keyHash } from './key-file-layout.js';

const FIRST_ENTRIES = 64 * 1024;

export class KeyEntries {
  count = 0;
  /** Two words each: the slot, then the hash; together one 64-bit number, in the order of hashes. */
  #words = new Uint32Array(FIRST_ENTRIES * 2);

  add(hash: number, slot: number): void {
    if (this.count * 2 === this.#words.length) {
      const grown = new Uint32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[this.count * 2] = slot;
    this.#words[this.count * 2 + 1] = hash;
    this.count++;
  }

  /** Keys of all records of a batch, which was checked. True: it has some. */
  addBatch(batch: Uint8Array, slot: number): boolean {
    const before = this.count;
    const topicId = readUint32(batch, BATCH.topicId);
    const records = readUint32(batch, BATCH.recordCount);
    let at = BATCH_HEADER_BYTES;
    for (let record = 0; record < records; record++) {
      const attributesBytes = readUint16(batch, at + RECORD.attributesBytes);
      if (attributesBytes > 0) {
        const start = at + RECORD_HEADER_BYTES + (batch[at + RECORD.tagBytes] as number);
        this.#addKeys(batch, topicId, start, start + attributesBytes, slot);
      }
      at += readUint32(batch, at + RECORD.length);
    }
    return this.count > before;
  }

  /** Sorted by hash, then by place, none twice. */
  sorted(): Uint32Array {
    const words = this.#words.subarray(0, this.count * 2);
    // Without a function to compare by, the engine sorts the numbers where they lie and makes no object of any.
    new BigUint64Array(words.buffer, 0, this.count).sort();
    let kept = 0;
    for (let i = 0; i < words.length; i += 2) {
      if (kept > 0 && words[i] === words[kept - 2] && words[i + 1] === words[kept - 1]) {
        continue;
      }
      words[kept++] = words[i] as number;
      words[kept++] = words[i + 1] as number;
    }
    this.count = kept / 2;
    return words.subarray(0, kept);
  }

  #addKeys(batch: Uint8Array, topicId: number, start: number, end: number, slot: number): void {
    let at = start;
    while (at < end) {
      const kind = batch[at] as number;
      const textAt = at + 2;
      at = textAt + (batch[at + 1] as number);
      if (kind === ATTRIBUTE_KIND.key) {
        const hash = keyHash(topicId, batch, textAt, at);
        // Messages of one batch often share a key.
        const last = this.count * 2;
        if (last === 0 || this.#words[last - 1] !== hash || this.#words[last - 2] !== slot) {
          this.add(hash, slot);
        }
      } else if (kind === ATTRIBUTE_KIND.property) {
        at = propertyValueEnd(batch, at, end);
      }
    }
  }
}
