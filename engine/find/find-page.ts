/** One answer of a search: what it has found so far, and when that is enough. */
import { type BatchHeader, readAttributes } from '../../native-free/batch/batch-reader.js';
import { readUtf8 } from '../../native-free/batch/text.js';
import { monotonicMs } from '../../native-free/time/index.js';
import {
  type FoundDamage,
  type FoundMessage,
  messageId,
  messageIdPrefix,
  RECORD,
  RECORD_FLAG,
  RECORD_HEADER_BYTES,
  readUint16,
  readUint32,
} from '../../native-free/wire/index.js';
import type { FindFilter } from './find-request.js';

/** An answer ends with the message that takes it to this. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** About what the numbers and names of a message take in an answer. */
const MESSAGE_BYTES = 200;
/** So much damage is told in one answer; it ends with that. */
const MAX_DAMAGE = 100;
/** A search goes on with the next call after so much reading, */
const MAX_READ_BYTES = 64 * 1024 * 1024;
/** or so long, ms. */
const MAX_MS = 50;

export interface PageIdentity {
  readonly brokerId: string;
  readonly memory: boolean;
}

export class FindPage {
  readonly messages: FoundMessage[] = [];
  readonly damage: FoundDamage[] = [];
  readonly #identity: PageIdentity;
  readonly #filter: FindFilter;
  readonly #maxMs: number;
  readonly #began = monotonicMs();
  #answerBytes = 0;
  #readBytes = 0;

  constructor(identity: PageIdentity, filter: FindFilter, maxMs = MAX_MS) {
    this.#identity = identity;
    this.#filter = filter;
    this.#maxMs = maxMs;
  }

  /** The answer has all that it may have. */
  get isFull(): boolean {
    return (
      this.messages.length >= this.#filter.limit ||
      this.#answerBytes >= MAX_ANSWER_BYTES ||
      this.damage.length >= MAX_DAMAGE
    );
  }

  /** It is full, or has cost as much as one call may. */
  get isOver(): boolean {
    return this.isFull || this.#readBytes >= MAX_READ_BYTES || monotonicMs() - this.#began >= this.#maxMs;
  }

  /** So much was read. */
  cost(bytes: number): void {
    this.#readBytes += bytes;
  }

  /** The record at `at`, number `index` of its batch. Its batch was checked. */
  add(bytes: Uint8Array, header: BatchHeader, at: number, index: number): void {
    const { brokerId, memory } = this.#identity;
    const length = readUint32(bytes, at + RECORD.length);
    const tagAt = at + RECORD_HEADER_BYTES;
    const attributesAt = tagAt + (bytes[at + RECORD.tagBytes] as number);
    const bodyAt = attributesAt + readUint16(bytes, at + RECORD.attributesBytes);
    const end = at + length;
    const { keys, shardingKey = null, properties } = readAttributes(bytes, attributesAt, bodyAt);
    const hasBody = ((bytes[at + RECORD.flags] as number) & RECORD_FLAG.hasBody) !== 0;
    const from = Math.min(end, bodyAt + this.#filter.bodyFrom);
    const body = hasBody ? bytes.slice(from, Math.min(end, from + this.#filter.maxBodyBytes)) : null;
    this.messages.push({
      queueId: header.queueId,
      offset: header.baseOffset + index,
      messageId: messageId(messageIdPrefix(brokerId, memory, header.position), index),
      storeTime: header.storeTime,
      bornTime: header.bornTime + (readUint32(bytes, at + RECORD.bornDelta) | 0),
      tag: attributesAt === tagAt ? null : readUtf8(bytes, tagAt, attributesAt),
      keys,
      shardingKey,
      properties,
      body,
      bodyBytes: end - bodyAt,
    });
    this.#answerBytes += MESSAGE_BYTES + (bodyAt - at) + (body?.length ?? 0);
  }

  tellDamage(queueId: number | null, offset: number | null, message: string): void {
    if (this.damage.length < MAX_DAMAGE) {
      this.damage.push({ queueId, offset, message });
    }
  }
}
