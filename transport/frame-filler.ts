/**
 * Fills deliver frames with batches of as many queues as are ready, in turn.
 */
import { READ } from '../engine/engine-thread.js';
import { FRAME_HEADER_BYTES, SLOT_BYTES, slotAligned } from '../native-free/wire/index.js';
import type { QueueFeed, ReadyFeeds } from './queue-feed.js';
import type { SkipNotices } from './skip-notices.js';

/** What a read counts for in a turn's budget at least, whatever it gave. */
const READ_BYTES = 256;
/** Reads for one frame: a bound for queues that each have little. */
const MAX_READS = 4096;
/** What the reads for one frame cost at most, about: then the next consumer has its turn. */
const MAX_FRAME_COST_BYTES = 512 * 1024;
/** Less room than this in a frame is not worth a read. */
export const SMALLEST_READ_BYTES = 2 * SLOT_BYTES;

/** The bits of the tags that a consumer wants, in the batches' bloom word; all set: no filter. */
export interface ConsumerFilter {
  readonly low: number;
  readonly high: number;
}

/** What the filler tells of reads that gave no batch. None of it happens where all goes well. */
export interface FillOwner {
  readonly isClosed: boolean;
  /** The queue's reader was set forward from there: what lay between is gone. */
  expired(feed: QueueFeed, from: number): void;
  /** What it gave was not in memory any more. */
  readOld(feed: QueueFeed): void;
  /** `READ.dead` or `READ.damaged`. */
  readFailed(feed: QueueFeed, result: number): void;
  /** A batch of so many bytes fits into no frame. */
  cannotDeliver(bytes: number): void;
}

export class FrameFiller {
  /** What the reads for the last frame took of the turn's budget. */
  costBytes = 0;
  readonly #ready: ReadyFeeds;
  readonly #skips: SkipNotices;
  readonly #filter: ConsumerFilter;
  readonly #owner: FillOwner;

  constructor(ready: ReadyFeeds, skips: SkipNotices, filter: ConsumerFilter, owner: FillOwner) {
    this.#ready = ready;
    this.#skips = skips;
    this.#filter = filter;
    this.#owner = owner;
  }

  /**
   * Fills the payload, which begins behind the frame header, with at most `firstRoom` bytes; with more where
   * the first batch needs it. Returns its length without the gap behind the last batch.
   */
  fill(buffer: Uint8Array, firstRoom: number): number {
    let room = firstRoom;
    let at = 0;
    let end = 0;
    let reads = 0;
    this.costBytes = 0;
    for (let feed = this.#ready.peek(); feed !== null && !this.#owner.isClosed; feed = this.#ready.peek()) {
      if (at > 0 && room - at < SMALLEST_READ_BYTES) {
        break;
      }
      const { reader } = feed;
      const before = reader.offset;
      const result = reader.read(
        buffer,
        FRAME_HEADER_BYTES + at,
        room - at,
        this.#filter.low,
        this.#filter.high,
      );
      this.costBytes += READ_BYTES + reader.costBytes;
      if (result === READ.some) {
        if (reader.bytes > 0) {
          end = at + reader.bytes;
          if (reader.isOld) {
            this.#owner.readOld(feed);
          }
          this.#skips.delivered(feed, buffer, FRAME_HEADER_BYTES + at, FRAME_HEADER_BYTES + end);
          at = slotAligned(end);
        } else {
          // Told now and then, so that a client which loses its connection in a long backlog need not begin
          // it again.
          this.#skips.push(feed);
        }
        this.#ready.shift();
        this.#ready.push(feed);
        if (this.costBytes >= MAX_FRAME_COST_BYTES || ++reads >= MAX_READS) {
          break;
        }
      } else if (result === READ.none) {
        this.#ready.shift();
        this.#skips.push(feed);
        reader.watch(feed.onReadable);
        if (this.costBytes >= MAX_FRAME_COST_BYTES) {
          break;
        }
      } else if (result === READ.tooSmall) {
        // A batch larger than the frame or the credit is sent alone, as long as there is any credit at all.
        const needed = slotAligned(reader.neededBytes);
        if (at > 0) {
          break;
        }
        if (needed <= room || FRAME_HEADER_BYTES + needed > buffer.length) {
          this.#owner.cannotDeliver(reader.neededBytes);
          break;
        }
        room = needed;
      } else if (result === READ.skipped) {
        this.#owner.expired(feed, before);
        this.#skips.push(feed);
        break;
      } else {
        // What was read before goes out first, and what comes of this with the next frame.
        if (at > 0) {
          break;
        }
        this.#owner.readFailed(feed, result);
      }
    }
    return end;
  }
}
