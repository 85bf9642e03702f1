/**
 * The walk through a log that recovery and verification share. It decides, for every place where a batch
 * should begin and none does, whether that is damage or the end. The rules:
 *
 * 1. A batch is good when its header's checksum and position are right, it fits its span, its epoch is not
 * below its
 *     predecessor's, and its body's checksum is right.
 * 2. `flushed` is the highest flushed watermark that anybody has stated: the checkpoint, or a valid header
 * (of no lower
 *     epoch than the walk has reached) anywhere behind. Everything below it was on the disk once.
 * 3. Something bad at P < flushed is damage. It is reported, never cut. The walk goes on behind it: behind
 * the batch
 *     when its header is good, else at the next place, in steps of 64 bytes and up to `flushed`, where a good batch begins.
 * 4. Something bad at P ≥ flushed is the end of the log: an append that never got to the disk, or a stale
 * batch
 *     of an earlier epoch that an earlier recovery had cut off. Whatever lies behind it, valid or not, is not part of the log.
 *
 * To apply rule 2 at a bad P the walk looks ahead: at the headers that must stand at every later multiple of
 * the span, in all files, and at every 64-byte step of the stretches where the last header may stand. It
 * looks at no place twice.
 */
import { crc32 } from '../../native-free/checksum/crc32.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  readUint32,
  readUint64,
  SLOT_BYTES,
  slotAligned,
} from '../../native-free/wire/batch-layout.js';
import { headerIsValid } from '../batch/header.js';
import { type LogFilesView, SpanWindow } from './log-files-view.js';

/** A stretch of log that was on the disk once and is not as it was. */
export interface Damage {
  /** Log position where it begins. */
  position: number;
  /** How far it reaches, as far as that can be told. */
  bytes: number;
  /** Name of the segment file. */
  file: string;
  what: string;
}

/** More stretches than this are counted, not listed. */
export const MAX_DAMAGE_LISTED = 10_000;

/**
 * Called for every batch of the log but pads, in order. `header` and `control` are valid during the call
 * only, and are not to be written to. `control`: the body of a control batch; null for messages, whose bodies
 * nobody here looks into.
 */
export type BatchVisitor = (
  header: Uint8Array,
  position: number,
  bodyIsDamaged: boolean,
  control: Uint8Array | null,
) => void;

export interface ScanStart {
  /** Where the walk begins: the beginning of a batch. */
  position: number;
  /** Known to be flushed before any header says more. */
  flushed: number;
  /** Lowest epoch of what follows. */
  epoch: number;
  /** What headers of lower epochs state is of another broker's disk: a slave's log was stamped by its master. Default 0. */
  trustFrom?: number | undefined;
  /** Told of each stretch of which nobody can say what it was, before what lies behind it is shown. */
  onLost?: ((damage: Damage) => void) | undefined;
}

export interface ScanResult {
  endPosition: number;
  lastEpoch: number;
  /** Highest watermark found. */
  flushed: number;
  damage: Damage[];
  /** Stretches beyond {@link MAX_DAMAGE_LISTED}. */
  unlistedDamage: number;
}

/** The stretch behind a bad place that is searched header by header for a watermark, beside the borders of all spans. */
const LOOK_AHEAD_BYTES = 32 * 1024 * 1024;

/** A resync gives a span up when it has checksummed this many times its size in vain. */
const RESYNC_BODIES = 8;

const GOOD = '';

export class LogScan {
  readonly #view: LogFilesView;
  readonly #spanBytes: number;
  readonly #window: SpanWindow;
  #ahead: SpanWindow | null = null;
  #flushed = 0;
  #lastEpoch = 0;
  #trustFrom = 0;
  #lookedUpTo = 0;
  #bordersLookedAt = false;
  #lastBorder = -1;
  readonly #border = new Uint8Array(BATCH_HEADER_BYTES);
  #damage: Damage[] = [];
  #unlisted = 0;
  #visit: BatchVisitor = () => {};
  #onLost: (damage: Damage) => void = () => {};
  /** Of the last good or body-damaged batch examined. */
  #length = 0;
  #headerIsGood = false;

  constructor(view: LogFilesView, spanBytes: number) {
    this.#view = view;
    this.#spanBytes = spanBytes;
    this.#window = new SpanWindow(view, spanBytes);
  }

  /** Walks from `start` to the end of the log. Throws disk errors only where they make the end unknown. */
  run(start: ScanStart, visit: BatchVisitor): ScanResult {
    this.#flushed = start.flushed;
    this.#lastEpoch = start.epoch;
    this.#trustFrom = start.trustFrom ?? 0;
    this.#visit = visit;
    this.#onLost = start.onLost ?? this.#onLost;
    let position = start.position;
    while (position < Math.max(this.#view.end, this.#flushed)) {
      const wrong = this.#examine(position);
      if (wrong === GOOD) {
        this.#accept(position, false);
        position += this.#length;
        continue;
      }
      if (position >= this.#flushed) {
        this.#lookAhead(position);
      }
      if (position >= this.#flushed) {
        // What could not be read may have been flushed; then nobody may append over it.
        const error = this.#view.readErrorIn(position, this.#view.end);
        if (error !== undefined) {
          throw error;
        }
        break;
      }
      position = this.#passDamage(position, wrong);
    }
    return {
      endPosition: position,
      lastEpoch: this.#lastEpoch,
      flushed: this.#flushed,
      damage: this.#damage,
      unlistedDamage: this.#unlisted,
    };
  }

  /** {@link GOOD}, or what is wrong with the batch at `position`. */
  #examine(position: number): string {
    this.#headerIsGood = false;
    const window = this.#window;
    const left = this.#spanBytes - (position % this.#spanBytes);
    const at = window.fetch(position, Math.min(left, BATCH_HEADER_BYTES));
    const { bytes } = window;
    if (!headerIsValid(bytes, at, position)) {
      return this.#whatIsThere(position, at, left);
    }
    const length = readUint32(bytes, at + BATCH.length);
    // Compared before it is rounded up: a length near 2^32 does not survive the rounding.
    if (length > left) {
      return 'the batch is longer than its span';
    }
    if (readUint32(bytes, at + BATCH.epoch) < this.#lastEpoch) {
      return 'a batch of an earlier epoch';
    }
    this.#headerIsGood = true;
    this.#length = slotAligned(length);
    if (bytes[at + BATCH.type] === BATCH_TYPE.pad) {
      return GOOD;
    }
    window.fetch(position, length);
    return crc32(bytes, at + BATCH_HEADER_BYTES, at + length) === readUint32(bytes, at + BATCH.bodyCrc)
      ? GOOD
      : 'the body does not match its checksum';
  }

  #whatIsThere(position: number, at: number, left: number): string {
    const segment = this.#view.segmentAt(position);
    if (segment === undefined) {
      return 'the segment file is missing';
    }
    if (position + BATCH_HEADER_BYTES > segment.base + segment.bytes) {
      return 'the segment file is cut short';
    }
    const { bytes } = this.#window;
    const end = at + Math.min(left, BATCH_HEADER_BYTES);
    for (let i = at; i < end; i++) {
      if (bytes[i] !== 0) {
        return 'the batch header does not match its checksum or place';
      }
    }
    return 'zeros where a batch should be';
  }

  #accept(position: number, bodyIsDamaged: boolean): void {
    const at = position % this.#spanBytes;
    const { bytes } = this.#window;
    this.#lastEpoch = readUint32(bytes, at + BATCH.epoch);
    const type = bytes[at + BATCH.type];
    if (type === BATCH_TYPE.pad) {
      return;
    }
    const body = at + BATCH_HEADER_BYTES;
    const control =
      type === BATCH_TYPE.control ? bytes.subarray(body, at + readUint32(bytes, at + BATCH.length)) : null;
    this.#visit(bytes.subarray(at, body), position, bodyIsDamaged, control);
  }

  /** Rule 3. Returns where the walk goes on. */
  #passDamage(position: number, what: string): number {
    const isKnown = this.#headerIsGood;
    const next = isKnown ? position + this.#length : this.#nextGood(position);
    const damage = { position, bytes: next - position, file: this.#view.fileOf(position), what };
    if (!isKnown) {
      this.#onLost(damage);
    }
    if (this.#damage.length < MAX_DAMAGE_LISTED) {
      this.#damage.push(damage);
    } else {
      this.#unlisted++;
    }
    if (isKnown) {
      this.#accept(position, true);
    }
    return next;
  }

  /** The next good batch behind a bad header, no further than `flushed`: a file's end ends a stretch, too. */
  #nextGood(position: number): number {
    const segment = this.#view.segmentAt(position);
    if (segment === undefined) {
      const next = this.#view.segmentFrom(position)?.base ?? Number.POSITIVE_INFINITY;
      return Math.min(this.#flushed, next);
    }
    const fileEnd = segment.base + this.#view.segmentBytes;
    const end = Math.min(this.#flushed, fileEnd);
    const dataEnd = Math.min(end, segment.base + segment.bytes);
    let examined = 0;
    let candidate = position + SLOT_BYTES;
    while (candidate < dataEnd) {
      const border = this.#nextBorder(candidate);
      const to = Math.min(dataEnd, border);
      const found = this.#mayBeginAt(this.#window, candidate, to);
      if (found < to) {
        if (this.#examine(found) === GOOD) {
          return found;
        }
        if (this.#headerIsGood) {
          examined += this.#length;
        }
      }
      // Headers forged inside one body could make every step checksum the whole of it: then the next border
      // has to do.
      candidate = examined > RESYNC_BODIES * this.#spanBytes ? border : found < to ? found + SLOT_BYTES : to;
      if (candidate === border) {
        examined = 0;
      }
    }
    return end;
  }

  /** Rule 2: raises `#flushed` by what headers behind `position` say. */
  #lookAhead(position: number): void {
    this.#ahead ??= new SpanWindow(this.#view, this.#spanBytes);
    if (!this.#bordersLookedAt) {
      this.#bordersLookedAt = true;
      for (const segment of this.#view.segments) {
        const first = Math.max(segment.base, this.#nextBorder(position));
        for (let border = first; border < segment.base + segment.bytes; border += this.#spanBytes) {
          this.#view.read(border, this.#border, 0, this.#border.length);
          if (this.#hear(this.#border, 0, border)) {
            this.#lastBorder = border;
          }
        }
      }
      if (this.#lastBorder >= 0) {
        this.#search(this.#lastBorder, this.#lastBorder + this.#spanBytes);
      }
    }
    const reach = Math.max(LOOK_AHEAD_BYTES, 2 * this.#spanBytes);
    const from = Math.max(position + SLOT_BYTES, this.#lookedUpTo);
    this.#search(from, position + reach);
    this.#lookedUpTo = Math.max(this.#lookedUpTo, position + reach);
  }

  /** Every 64-byte step of a stretch, as far as there are files. */
  #search(from: number, to: number): void {
    const ahead = this.#ahead as SpanWindow;
    let position = from;
    while (position < to) {
      const segment = this.#view.segmentFrom(position);
      if (segment === undefined) {
        return;
      }
      position = Math.max(position, segment.base);
      const dataEnd = Math.min(to, segment.base + segment.bytes);
      while (position < dataEnd) {
        const end = Math.min(dataEnd, this.#nextBorder(position));
        position = this.#mayBeginAt(ahead, position, end);
        if (position === end) {
          continue;
        }
        const left = this.#nextBorder(position) - position;
        const at = ahead.fetch(position, Math.min(left, BATCH_HEADER_BYTES));
        this.#hear(ahead.bytes, at, position);
        position += SLOT_BYTES;
      }
      position = Math.max(position, segment.base + this.#view.segmentBytes);
    }
  }

  /**
   * The first step in [from, to), a stretch of one span, where the low half of a header's position fits; `to`
   * when there is none. A cheap look before a checksum is computed: it runs over megabytes of zeros at every
   * start.
   */
  #mayBeginAt(window: SpanWindow, from: number, to: number): number {
    const at = window.fetch(from, to - from);
    const { bytes } = window;
    const end = at + (to - from);
    let low = from % 4294967296;
    for (let i = at; i < end; i += SLOT_BYTES) {
      if (readUint32(bytes, i + BATCH.position) === low) {
        return from + (i - at);
      }
      low += SLOT_BYTES;
    }
    return to;
  }

  #nextBorder(position: number): number {
    return position - (position % this.#spanBytes) + this.#spanBytes;
  }

  /** Takes note of the watermark in the header at `at`, if one for `position` stands there. */
  #hear(bytes: Uint8Array, at: number, position: number): boolean {
    if (!headerIsValid(bytes, at, position)) {
      return false;
    }
    if (readUint32(bytes, at + BATCH.epoch) < this.#lastEpoch) {
      return false;
    }
    const flushed = readUint64(bytes, at + BATCH.flushed);
    // No watermark is ahead of the header that states it; one that is was not made by a broker.
    if (flushed > position || flushed % SLOT_BYTES !== 0) {
      return false;
    }
    if (readUint32(bytes, at + BATCH.epoch) >= this.#trustFrom) {
      this.#flushed = Math.max(this.#flushed, flushed);
    }
    return true;
  }
}
