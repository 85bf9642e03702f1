/**
 * Finds messages by a key: where the key index covers the log by what that says, and in the log itself where it
 * does not. Whatever is found is looked at: two keys may have one hash.
 */
import { BatchHeader } from '../../native-free/batch/batch-reader.js';
import {
  BATCH,
  BATCH_ATTRIBUTE,
  readUint16,
  readUint32,
  readUint64,
  SLOT_BYTES,
  slotAligned,
} from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';
import { throwUnlessDamage } from '../lane/damage.js';
import type { LogReader } from '../log/index.js';
import { IndexEntry } from '../queue/index.js';
import { BatchMatch, batchFault } from './batch-match.js';
import { headerAt } from './batch-source.js';
import { FindPage, type PageIdentity } from './find-page.js';
import { type FindAnswer, type FindCursor, type KeyRequest, WHOLE_BATCH } from './find-request.js';
import { cursorText } from './find-topic.js';
import { HAS_HOLES, keyHash, mayHaveTopic } from './keys/key-file-layout.js';
import type { KeyParts } from './keys/key-parts.js';
import { LogWalk } from './keys/log-walk.js';
import type { WalkDeps } from './queue-walk.js';

export interface KeyDeps extends WalkDeps {
  readonly parts: KeyParts;
  readonly logReader: LogReader;
  readonly spanBytes: number;
}

/** @throws disk errors */
export function findByKey(deps: KeyDeps, request: KeyRequest, identity: PageIdentity): FindAnswer {
  return new KeySearch(deps, request, identity).run();
}

class KeySearch {
  readonly #deps: KeyDeps;
  readonly #request: KeyRequest;
  readonly #identity: PageIdentity;
  readonly #page: FindPage;
  readonly #match: BatchMatch;
  readonly #hash: number;
  readonly #header = new BatchHeader();
  readonly #entry = new IndexEntry();
  /** All of the log below was looked at. */
  #at: number;
  /** Of the batch at {@link #at}, so many records. */
  #index: number;
  #hasDiscarded = false;

  constructor(deps: KeyDeps, request: KeyRequest, identity: PageIdentity) {
    this.#deps = deps;
    this.#request = request;
    this.#identity = identity;
    this.#page = new FindPage(identity, request);
    this.#match = new BatchMatch(request);
    const key = new TextEncoder().encode(request.key);
    this.#hash = keyHash(request.topicId, key, 0, key.length);
    const { cursor } = request;
    const isWhole = cursor?.index === WHOLE_BATCH;
    this.#at = cursor === null ? request.firstPosition : cursor.position + (isWhole ? SLOT_BYTES : 0);
    this.#index = cursor === null || isWhole ? 0 : cursor.index + 1;
  }

  run(): FindAnswer {
    const isComplete = this.#search();
    const { messages, damage } = this.#page;
    return {
      topicId: this.#request.topicId,
      messages,
      damage,
      cursor: isComplete ? null : cursorText(this.#cursor(), this.#identity),
      complete: isComplete,
      ...(this.#hasDiscarded ? { hasDiscarded: true } : {}),
    };
  }

  /** Behind what was looked at last. */
  #cursor(): FindCursor {
    return this.#index === 0
      ? { queueId: null, position: Math.max(0, this.#at - SLOT_BYTES), index: WHOLE_BATCH }
      : { queueId: null, position: this.#at, index: this.#index - 1 };
  }

  /** True: all of the log was looked through. */
  #search(): boolean {
    let parts = this.#deps.parts.list();
    const { committed, keylessFrom } = this.#request;
    const end = Math.min(committed, keylessFrom ?? committed);
    const unusable = new Set<string>();
    while (this.#at < end) {
      this.#skipTo(this.#deps.source.oldest());
      const passed = parts.findIndex(({ to }) => to > this.#at);
      parts = passed < 0 ? [] : parts.slice(passed);
      const part = parts.find(
        ({ name, from, to }) => from <= this.#at && this.#at < to && !unusable.has(name),
      );
      if (part !== undefined) {
        const outcome = this.#lookInto(part);
        if (outcome === null) {
          unusable.add(part.name);
          this.#deps.parts.discard(part);
          this.#hasDiscarded = true;
          continue;
        }
        if (!outcome) {
          return false;
        }
      } else {
        const next = parts.find(({ name, from }) => from > this.#at && !unusable.has(name));
        if (!this.#walk(Math.min(end, next?.from ?? end))) {
          return false;
        }
      }
      if (this.#page.isOver && this.#at < end) {
        return false;
      }
    }
    return true;
  }

  /** False: the page is over before all of the part was looked at. null: the part tells nothing. */
  #lookInto(part: { name: string; from: number; to: number }): boolean | null {
    const { parts } = this.#deps;
    const file = parts.open(part);
    if (file === null) {
      return null;
    }
    const { facts } = file;
    if (mayHaveTopic(facts.topics, this.#request.topicId)) {
      const found = parts.lookUp(file, this.#hash);
      this.#page.cost(4_096);
      if (found === null) {
        return null;
      }
      for (const position of found) {
        if (position < this.#at || position >= this.#request.committed) {
          continue;
        }
        this.#skipTo(position);
        if (!this.#lookAt(position)) {
          return false;
        }
      }
    }
    if ((facts.flags & HAS_HOLES) !== 0) {
      this.#page.tellDamage(
        null,
        null,
        `log positions ${part.from} to ${part.to}: some of it could not be read when its keys were indexed`,
      );
    }
    this.#skipTo(part.to);
    return true;
  }

  /** Goes through the log itself. False: the page is over before `end`. */
  #walk(end: number): boolean {
    const { logReader, spanBytes } = this.#deps;
    const walk = new LogWalk(logReader, spanBytes, this.#at, end);
    let readBytes = 0;
    while (walk.look()) {
      this.#skipTo(walk.position);
      const { bytes, at } = walk;
      const isWanted =
        walk.isMessages &&
        readUint32(bytes, at + BATCH.topicId) === this.#request.topicId &&
        (readUint16(bytes, at + BATCH.attributes) & BATCH_ATTRIBUTE.keyless) === 0;
      if (isWanted) {
        if (!this.#lookAt(walk.position)) {
          return false;
        }
        walk.step();
      } else {
        walk.pass();
      }
      this.#page.cost(walk.readBytes - readBytes);
      readBytes = walk.readBytes;
      this.#skipTo(walk.position);
      if (this.#page.isOver && walk.position < end) {
        return false;
      }
    }
    // What retention takes while the walk goes through it is no damage.
    if (walk.hasHoles && this.#at >= this.#deps.source.oldest()) {
      this.#page.tellDamage(null, null, `log positions up to ${end}: some of it cannot be read`);
    }
    this.#skipTo(end);
    return true;
  }

  #skipTo(position: number): void {
    if (position > this.#at) {
      this.#at = position;
      this.#index = 0;
    }
  }

  /** Takes what is wanted of the batch at {@link #at}. False: the page is full, and there may be more in it. */
  #lookAt(position: number): boolean {
    if (this.#page.isOver) {
      return false;
    }
    try {
      const header = headerAt(this.#deps.source, position);
      if (header === null) {
        return true;
      }
      if (!headerIsValid(header, 0, position)) {
        this.#page.tellDamage(null, null, `log position ${position}: no whole batch`);
        return true;
      }
      if (this.#isWanted(header, position)) {
        return this.#collect(position, slotAligned(readUint32(header, BATCH.length)));
      }
    } catch (error) {
      throwUnlessDamage(error);
      this.#page.tellDamage(null, null, (error as Error).message);
    }
    return true;
  }

  #isWanted(header: Uint8Array, position: number): boolean {
    const { topicId, queueId, fromTime, toTime, committed } = this.#request;
    const storeTime = readUint64(header, BATCH.storeTime);
    const ofQueue = readUint32(header, BATCH.queueId);
    if (
      readUint32(header, BATCH.topicId) !== topicId ||
      (queueId !== null && ofQueue !== queueId) ||
      (fromTime !== null && storeTime < fromTime) ||
      (toTime !== null && storeTime > toTime) ||
      !this.#match.mayHave(header) ||
      position + slotAligned(readUint32(header, BATCH.length)) > committed
    ) {
      return false;
    }
    // Whoever wrote a body may have made it look like a batch: the queue's index knows what is one.
    const slot = this.#deps.queueTable.find(topicId, ofQueue);
    const offset = readUint64(header, BATCH.baseOffset);
    const entry = this.#entry;
    return slot >= 0 && this.#deps.queueIndex.find(slot, offset, entry) && entry.position === position;
  }

  #collect(position: number, length: number): boolean {
    const bytes = this.#deps.source.read(position, length);
    this.#page.cost(length);
    if (bytes === null) {
      return true;
    }
    const header = this.#header;
    const fault = batchFault(bytes, position, header);
    if (fault !== null) {
      this.#page.tellDamage(readUint32(bytes, BATCH.queueId), readUint64(bytes, BATCH.baseOffset), fault);
      return true;
    }
    const first = Math.max(this.#index, (this.#request.offset ?? 0) - header.baseOffset);
    const next = this.#match.collect(bytes, header, first, this.#page);
    this.#index = next;
    return next >= header.recordCount;
  }
}
