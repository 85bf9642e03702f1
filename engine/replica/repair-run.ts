/**
 * What of another broker's bytes may take the place of damage in this one's log: a run of whole batches and
 * pads that begins where the damage does, each where its header says, with the right checksums, of a term
 * that belongs there, and none reaching beyond the damage. Where this log still has a batch's header, it is
 * that batch and no other.
 */
import { BATCH, BATCH_HEADER_BYTES, readUint32, slotAligned } from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';
import { bodyIsSound } from '../batch/sound-batches.js';

/** A damaged stretch of the log, in bytes. */
export interface RepairRange {
  position: number;
  bytes: number;
  /** A recovery has met it: what it says may be in no queue, and not in the state. */
  isMissing: boolean;
}

/** The place that is to be filled. */
export interface RepairPlace {
  /** Log position of the first byte of the run. */
  readonly position: number;
  /** Where the damage ends: a batch begins there, or the log's part in this file ends. */
  readonly end: number;
  readonly spanBytes: number;
  /** Terms of what may lie there: of the batch before, and of the one behind. */
  readonly leastEpoch: number;
  readonly mostEpoch: number;
  /** What this log has at a position now, a batch header's bytes of it; null: nothing can be read there. */
  headerAt(position: number): Uint8Array | null;
}

/** A batch of a run, for whoever looks whether it is indexed. `at`: in the run. */
export interface RepairedBatch {
  readonly at: number;
  readonly position: number;
  readonly type: number;
}

export interface RepairRun {
  /** Bytes of the run that are good, from its beginning. */
  readonly bytes: number;
  readonly batches: readonly RepairedBatch[];
  /** Why not more; null: all of it is good. */
  readonly fault: string | null;
}

/** Looks how much of `run` may be put in at `place`. */
export function checkRun(run: Uint8Array, place: RepairPlace): RepairRun {
  const batches: RepairedBatch[] = [];
  let at = 0;
  let epoch = place.leastEpoch;
  const ended = (fault: string | null): RepairRun => ({ bytes: at, batches, fault });
  while (at < run.length) {
    const position = place.position + at;
    const fault = whatIsWrong(run, at, position, epoch, place);
    if (fault !== null) {
      return ended(`${fault}, at log position ${position}`);
    }
    epoch = readUint32(run, at + BATCH.epoch);
    batches.push({ at, position, type: run[at + BATCH.type] as number });
    at += slotAligned(readUint32(run, at + BATCH.length));
  }
  return ended(null);
}

function whatIsWrong(
  run: Uint8Array,
  at: number,
  position: number,
  epoch: number,
  place: RepairPlace,
): string | null {
  if (!headerIsValid(run, at, position)) {
    return 'a batch header does not match its checksum or place';
  }
  const length = readUint32(run, at + BATCH.length);
  // Compared before it is rounded up: a length near 2^32 does not survive the rounding.
  if (length > place.spanBytes - (position % place.spanBytes) || at + slotAligned(length) > run.length) {
    return 'a batch is longer than its span, or than what was sent';
  }
  if (position + slotAligned(length) > place.end) {
    return 'a batch reaches beyond the damage';
  }
  const own = readUint32(run, at + BATCH.epoch);
  if (own < epoch || own > place.mostEpoch) {
    return `a batch of epoch ${own}, between ${epoch} and ${place.mostEpoch}`;
  }
  if (!bodyIsSound(run, at, length)) {
    return 'a batch body does not match its checksum';
  }
  const there = place.headerAt(position);
  if (
    there !== null &&
    headerIsValid(there, 0, position) &&
    readUint32(there, BATCH.epoch) >= epoch &&
    !isSame(there, run, at)
  ) {
    return 'another batch than the one whose header is there';
  }
  return null;
}

function isSame(header: Uint8Array, run: Uint8Array, at: number): boolean {
  for (let i = 0; i < BATCH_HEADER_BYTES; i++) {
    if (header[i] !== run[at + i]) {
      return false;
    }
  }
  return true;
}
