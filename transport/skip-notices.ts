/**
 * How far a client knows the queues it holds, and the skip frames that tell it of places which it cannot see
 * in deliveries: batches that its filter, retention or damage took out.
 */
import type { TopicEntry } from '../engine/engine-thread.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  readUint32,
  readUint64,
  SLOT_BYTES,
  slotAligned,
} from '../native-free/wire/index.js';
import { makeSkipFrame } from './frames.js';
import type { QueueFeed } from './queue-feed.js';
import type { SessionContext } from './session-context.js';

export class SkipNotices {
  readonly #consumer: number;
  readonly #isFiltered: boolean;
  readonly #socket: SessionContext['socket'];
  /** Queues whose client is to be told that they moved without a delivery, once the frame in the making is out. */
  readonly #due: QueueFeed[] = [];

  constructor(consumer: number, isFiltered: boolean, socket: SessionContext['socket']) {
    this.#consumer = consumer;
    this.#isFiltered = isFiltered;
    this.#socket = socket;
  }

  /** The queue's place is to be told, if the client does not know it by then. */
  push(feed: QueueFeed): void {
    this.#due.push(feed);
  }

  /**
   * Notes how far the client knows the queue by batches that go out, which lie in `buffer` between two
   * offsets. Without a filter that is the reader's own offset; with one, batches behind the last one may have
   * been passed over, which the client cannot see.
   */
  delivered(feed: QueueFeed, buffer: Uint8Array, from: number, end: number): void {
    if (!this.#isFiltered) {
      feed.told = feed.reader.offset;
      return;
    }
    let at = from;
    while (at + BATCH_HEADER_BYTES <= end) {
      if (buffer[at + BATCH.type] === BATCH_TYPE.data) {
        feed.told = readUint64(buffer, at + BATCH.baseOffset) + readUint32(buffer, at + BATCH.recordCount);
      }
      const length = readUint32(buffer, at + BATCH.length);
      if (length < SLOT_BYTES) {
        break;
      }
      at += slotAligned(length);
    }
  }

  /** Sends what is due: a frame for each queue whose place the client does not know. */
  send(topic: TopicEntry): void {
    if (this.#due.length === 0) {
      return;
    }
    for (const feed of this.#due) {
      if (feed.isClosed || feed.reader.offset <= feed.told) {
        continue;
      }
      feed.told = feed.reader.offset;
      this.#socket.send(makeSkipFrame(this.#consumer, topic.topicId, feed.queueId, feed.told));
    }
    this.#due.length = 0;
  }
}
