/**
 * Damage in this broker's log that another one of its set can make good: what is damaged, which part is asked for next, and what becomes of what is
 * sent. On the thread that opened the broker. Nothing is written that {@link checkRun} does not let through; what is in the ring is of no account here,
 * as the ring has what was stamped, and only files are damaged.
 */
import { monotonicMs } from '../../native-free/time/index.js';
import {
  BATCH,
  BATCH_TYPE,
  readUint32,
  readUint64,
  SLOT_BYTES,
  slotAligned,
} from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';
import { soundBatches } from '../batch/sound-batches.js';
import { diskErrorCode } from '../disk/disk.js';
import type { EpochHistory } from '../meta/index.js';
import { checkRun, type RepairedBatch, type RepairRange } from '../replica/repair-run.js';
import { LogPatch, type LogPatchDeps } from './log-patch.js';
import { noteRebuild } from './rebuild.js';
import { MAX_RANGES, readRepairs, writeRepairs } from './repair-file.js';

export interface RepairDeps extends LogPatchDeps {
  readonly spanBytes: number;
  /** The highest term there is. */
  lastEpoch(): number;
  epochs(): EpochHistory;
  /** What lies from here on is not, or not long, on the disk. */
  flushed(): number;
  /** Where the oldest segment begins. */
  oldest(): number;
  /** Whether the queue index has a batch of messages at that place; also true of one that no queue wants. */
  isIndexed(batch: { topicId: number; queueId: number; baseOffset: number; position: number }): boolean;
  /** All of a stretch is as it should be. */
  onRepaired(range: RepairRange, from: string): void;
  /** While the log is no longer than this, checkpoints wait for what a recovery could not read; -1: they do not. */
  readonly readAgainUntil: number;
  /** The directory may be opened again at once, from the checkpoint that there is. */
  mayOpenAgain(): boolean;
  /** What was repaired is in the log, and not in what is derived from it: that is made anew when the directory is opened again. `isQuick`: from its last checkpoint on. */
  onStale(isQuick: boolean): void;
  warn(message: string, details: Record<string, unknown>): void;
}

/** One that could not send a stretch is asked for it again after so long, and then after twice that, up to {@link MAX_RETRY_MS}. */
const RETRY_MS = 5_000;
const MAX_RETRY_MS = 300_000;
/** Names of slaves may come and go. */
const MAX_ASKED = 64;

/** How it went with asking one broker. */
interface Asked {
  notBefore: number;
  waitMs: number;
  /** It was said that this one cannot help. */
  isTold: boolean;
}

/** Headers forged inside one body could make every step of a search checksum the whole of it. */
const MAX_LOOKS = 8;

interface Pending extends RepairRange {
  /** Of the stretch as it was found. */
  readonly found: RepairRange;
  /** By name. Those who were asked: few, as a set has few brokers. */
  readonly asked: Map<string, Asked>;
  /** It is in the file, so that a write of half of it is not forgotten. */
  isNoted: boolean;
}

export class RepairKeeper {
  readonly #deps: RepairDeps;
  readonly #log: LogPatch;
  /** In the order of their places; none overlaps another. */
  #pending: Pending[] = [];
  #isDirty = false;
  #isStale = false;
  /** The last checkpoint is of before what the recovery could not read: to read on from there is to have all that was repaired. */
  #isQuick: boolean;
  /** It is being opened again for that. */
  #isOver = false;

  /** `found`: by the recovery, beside what was noted before. Throws disk errors. */
  constructor(deps: RepairDeps, found: readonly Pick<RepairRange, 'position' | 'bytes'>[]) {
    this.#deps = deps;
    this.#log = new LogPatch(deps);
    this.#isQuick = deps.readAgainUntil >= 0 && found.length > 0;
    for (const { position, bytes } of found) {
      this.add(position, bytes, true);
    }
    const noted = readRepairs(deps.disk, deps.dataDir);
    for (const { position, bytes, isMissing } of noted) {
      this.add(position, bytes, isMissing);
    }
    this.#isDirty ||= noted.length > 0;
  }

  get count(): number {
    return this.#pending.length;
  }

  /** What the recovery could not read may be repaired, and read, at any moment. */
  get isAwaited(): boolean {
    const isLeft = this.#pending.some(({ isMissing, asked }) => isMissing && !isRefused(asked));
    return this.#isQuick && (this.#isOver || this.#isStale || isLeft);
  }

  /** Whether a checkpoint may be made of the log, which ends at `end`: one that lacks what may be repaired would have all of the log read again for it. Throws disk errors. */
  mayPass(end: number): boolean {
    const isLate = !this.isAwaited || end > this.#deps.readAgainUntil;
    if (this.#isQuick && isLate && !this.#isOver) {
      if (this.#isStale) {
        noteRebuild(this.#deps.disk, this.#deps.dataDir);
      }
      this.#isQuick = false;
    }
    return !this.#isQuick;
  }

  /** `bytes` of log at `position` are damaged; 0: up to the next whole batch. False: that is known, or not so, or there is no room for it in the list. */
  add(position: number, foundBytes: number, isMissing = false): boolean {
    const at = this.#firstBehind(position);
    const before = this.#pending[at - 1];
    const behind = this.#pending[at];
    if (before !== undefined && before.position + before.bytes > position) {
      return false;
    }
    const bytes = foundBytes > 0 ? foundBytes : this.#extentAt(position);
    const isKnown = behind !== undefined && behind.position < position + bytes;
    if (isKnown || this.#pending.length >= MAX_RANGES || bytes <= 0) {
      return false;
    }
    // Who met it may tell of it when it has been repaired already. What a recovery has not read is to be looked for in the index, whatever is there now.
    if (!isMissing && this.#isSound(position, bytes)) {
      return false;
    }
    const range = { position, bytes, isMissing };
    this.#pending.splice(at, 0, { ...range, found: range, asked: new Map(), isNoted: false });
    this.#isDirty = true;
    return true;
  }

  /** Whose messages lie at a place of the log; null: nobody's, or its header is damaged, too. */
  batchAt(position: number): { topicId: number; queueId: number; offset: number } | null {
    const header = this.#log.headerAt(position);
    return header === null || !headerIsValid(header, 0, position) || header[BATCH.type] !== BATCH_TYPE.data
      ? null
      : {
          topicId: readUint32(header, BATCH.topicId),
          queueId: readUint32(header, BATCH.queueId),
          offset: readUint64(header, BATCH.baseOffset),
        };
  }

  /** To be called once a second or so: notes what is to be repaired, for the next opening. */
  note(): void {
    const oldest = this.#deps.oldest();
    const left = this.#pending.filter(({ position, bytes }) => position + bytes > oldest);
    this.#isDirty ||= left.length < this.#pending.length;
    this.#pending = left;
    if (!this.#isDirty) {
      return;
    }
    try {
      this.#writeNote();
    } catch (error) {
      // Whoever writes the log tells of the disk.
      if (diskErrorCode(error) === undefined) {
        throw error;
      }
    }
  }

  /** What the broker of that name, which has the log up to `received`, is to be asked for next; null: nothing now. */
  next(from: string, received: number): RepairRange | null {
    const now = monotonicMs();
    const end = Math.min(received, this.#deps.flushed());
    const found = this.#pending.find(
      ({ position, bytes, asked }) => position + bytes <= end && (asked.get(from)?.notBefore ?? 0) <= now,
    );
    if (found === undefined) {
      return null;
    }
    const { waitMs, isTold } = found.asked.get(from) ?? { waitMs: RETRY_MS, isTold: false };
    // It may be gone before it answers.
    if (found.asked.size >= MAX_ASKED) {
      found.asked.clear();
    }
    found.asked.set(from, { notBefore: now + waitMs, waitMs: Math.min(2 * waitMs, MAX_RETRY_MS), isTold });
    return found;
  }

  /** The question did not get there; it may the next time. */
  notAsked(position: number, from: string): void {
    const how = this.#pending[this.#firstBehind(position) - 1]?.asked.get(from);
    if (how !== undefined) {
      how.notBefore = 0;
      how.waitMs = RETRY_MS;
    }
  }

  /** What another one has at `position`. `from`: its name. */
  take(position: number, run: Uint8Array, from: string): void {
    const found = this.#pending[this.#firstBehind(position) - 1];
    if (found?.position !== position || position < this.#deps.oldest()) {
      return;
    }
    const { bytes, batches, fault } = checkRun(run, {
      position,
      end: position + found.bytes,
      spanBytes: this.#deps.spanBytes,
      ...this.#terms(found),
      headerAt: (at) => this.#log.headerAt(at),
    });
    if (bytes === 0) {
      this.#cannot(found, from, fault ?? 'nothing there that is whole');
      return;
    }
    try {
      if (!found.isNoted) {
        this.#writeNote();
      }
      if (!this.#log.write(position, run.subarray(0, bytes))) {
        return;
      }
    } catch (error) {
      if (diskErrorCode(error) === undefined) {
        throw error;
      }
      this.#cannot(found, from, `it cannot be written: ${String(error)}`);
      return;
    }
    if (found.isMissing) {
      this.#lookAtIndex(run, batches);
    }
    found.position += bytes;
    found.bytes -= bytes;
    found.asked.clear();
    this.#isDirty = true;
    if (found.bytes === 0) {
      this.#pending.splice(this.#pending.indexOf(found), 1);
      this.#deps.onRepaired(found.found, from);
      this.#settle();
    }
  }

  /** What was repaired is of use once the directory is opened again: when nothing more is to be had, as each time takes long. */
  #settle(): void {
    const isLeft = this.#pending.some(({ asked }) => !isRefused(asked));
    if (this.#isStale && !isLeft) {
      if (this.#isQuick && !this.#deps.mayOpenAgain()) {
        noteRebuild(this.#deps.disk, this.#deps.dataDir);
        this.#isQuick = false;
      }
      this.#isStale = false;
      this.#isOver = this.#isQuick;
      this.#deps.onStale(this.#isQuick);
    }
  }

  /** Said once of each that was asked. It is asked again: what is damaged there, too, may be repaired there meanwhile. */
  #cannot({ position, bytes, asked }: Pending, from: string, why: string): void {
    const how = asked.get(from);
    if (how === undefined || how.isTold) {
      return;
    }
    how.isTold = true;
    this.#deps.warn(
      `damage in the log at position ${position}, of ${bytes} bytes, cannot be repaired from what ${from} has: ${why}`,
      { event: 'notRepaired', position, bytes, from },
    );
    this.#settle();
  }

  #writeNote(): void {
    writeRepairs(this.#deps.disk, this.#deps.dataDir, this.#pending);
    this.#isDirty = false;
    for (const each of this.#pending) {
      each.isNoted = true;
    }
  }

  /** Index of the first stretch that begins behind `position`. */
  #firstBehind(position: number): number {
    let low = 0;
    let high = this.#pending.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#pending[middle] as Pending).position <= position) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** By the log's own history, and by the batch that lies behind the stretch. */
  #terms({ position, bytes }: RepairRange): { leastEpoch: number; mostEpoch: number } {
    const leastEpoch = this.#leastEpoch(position);
    const behind = this.#log.headerAt(position + bytes);
    const isThere = behind !== null && readUint64(behind, BATCH.position) === position + bytes;
    const mostEpoch = isThere ? readUint32(behind, BATCH.epoch) : this.#deps.lastEpoch();
    return { leastEpoch, mostEpoch: Math.max(leastEpoch, mostEpoch) };
  }

  /** A batch there is of no lower one. */
  #leastEpoch(position: number): number {
    return this.#deps.epochs().starts.findLast((start) => start.position <= position)?.epoch ?? 0;
  }

  #isSound(position: number, bytes: number): boolean {
    const { spanBytes } = this.#deps;
    const there = bytes <= spanBytes ? this.#log.read(position, bytes) : null;
    return (
      there !== null && soundBatches(there, position, bytes, spanBytes, this.#leastEpoch(position)) === bytes
    );
  }

  /** How far what is damaged at `position` reaches: the batch whose header is there, or up to the next whole one, and no further than the span. 0: nothing is. */
  #extentAt(position: number): number {
    const { spanBytes, flushed } = this.#deps;
    const left = Math.min(spanBytes - (position % spanBytes), flushed() - position);
    const header = this.#log.headerAt(position);
    const leastEpoch = this.#leastEpoch(position);
    if (
      header !== null &&
      headerIsValid(header, 0, position) &&
      readUint32(header, BATCH.epoch) >= leastEpoch
    ) {
      const length = readUint32(header, BATCH.length);
      return length <= left ? slotAligned(length) : left;
    }
    const span = left > 0 ? this.#log.read(position, left) : null;
    let looked = 0;
    for (
      let at = SLOT_BYTES;
      span !== null && at < left && looked < MAX_LOOKS * spanBytes;
      at += SLOT_BYTES
    ) {
      if (headerIsValid(span, at, position + at)) {
        looked += readUint32(span, at + BATCH.length);
        if (soundBatches(span.subarray(at), position + at, 1, spanBytes, leastEpoch) > 0) {
          return at;
        }
      }
    }
    return left;
  }

  /** What a recovery could not read is in no queue, and of the state nobody knows. */
  #lookAtIndex(run: Uint8Array, batches: readonly RepairedBatch[]): void {
    const { disk, dataDir, isIndexed } = this.#deps;
    for (const { at, position, type } of batches) {
      const isData = type === BATCH_TYPE.data;
      if (type !== BATCH_TYPE.control && !isData) {
        continue;
      }
      const topicId = readUint32(run, at + BATCH.topicId);
      const queueId = readUint32(run, at + BATCH.queueId);
      const baseOffset = readUint64(run, at + BATCH.baseOffset);
      if (!isData || !isIndexed({ topicId, queueId, baseOffset, position })) {
        if (!this.#isQuick) {
          noteRebuild(disk, dataDir);
        }
        this.#isStale = true;
        return;
      }
    }
  }
}

/** Somebody has said that it cannot be had there. */
function isRefused(asked: ReadonlyMap<string, Asked>): boolean {
  return [...asked.values()].some(({ isTold }) => isTold);
}
