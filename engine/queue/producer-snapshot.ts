/**
 * The producer table's part of a snapshot, as docs/file-format.md has it: entry after entry, each of 40 bytes
 * with its kept batches of 32 behind it.
 */
import { RingMQError } from '../../native-free/wire/errors.js';
import {
  KEPT_BATCHES,
  KEPT_DOUBLES,
  keptAt,
  PRODUCER,
  PRODUCER_DOUBLES,
  PRODUCER_F,
  PRODUCER_HEAD,
  PRODUCER_HEAD_F,
  PRODUCER_WORDS,
  type ProducerViews,
} from './producer-table-layout.js';

const ENTRY_BYTES = 40;
const KEPT_BYTES = 32;

/** `ProducerTable.snapshotBytes`; described there. */
export function snapshotBytes({ head, entries }: ProducerViews): number {
  const count = head[PRODUCER_HEAD.count] as number;
  let bytes = 0;
  for (let entry = 0; entry < count; entry++) {
    bytes += ENTRY_BYTES + (entries[entry * PRODUCER_WORDS + PRODUCER.kept] as number) * KEPT_BYTES;
  }
  return bytes;
}

/** `ProducerTable.writeSnapshot`; described there. */
export function writeProducers(producers: ProducerViews, view: DataView, at: number): number {
  const { head, entries, entriesF, keptWords } = producers;
  const count = head[PRODUCER_HEAD.count] as number;
  const hand = head[PRODUCER_HEAD.hand] as number;
  let to = at;
  for (let i = 0; i < count; i++) {
    const entry = (hand + i) % count;
    const words = entry * PRODUCER_WORDS;
    const next = entries[words + PRODUCER.next] as number;
    const kept = entries[words + PRODUCER.kept] as number;
    for (let w = 0; w < 5; w++) {
      view.setInt32(to + w * 4, entries[words + w] as number, true);
    }
    view.setInt32(to + 20, kept, true);
    view.setInt32(to + 24, entries[words + PRODUCER.used] as number, true);
    view.setInt32(to + 28, 0, true);
    view.setFloat64(to + 32, entriesF[entry * PRODUCER_DOUBLES + PRODUCER_F.lastPosition] as number, true);
    to += ENTRY_BYTES;
    for (let k = 0; k < kept; k++) {
      const from = keptAt(entry, (next - kept + k + KEPT_BATCHES) % KEPT_BATCHES);
      view.setInt32(to, keptWords[from * 2] as number, true);
      view.setInt32(to + 4, keptWords[from * 2 + 1] as number, true);
      for (let f = 1; f < KEPT_DOUBLES; f++) {
        view.setFloat64(to + f * 8, producers.kept[from + f] as number, true);
      }
      to += KEPT_BYTES;
    }
  }
  return to;
}

/**
 * `ProducerTable.readSnapshot`, but for the buckets, which the caller makes anew.
 * @throws RingMQError LOG_CORRUPT
 */
export function readProducers(
  producers: ProducerViews,
  view: DataView,
  at: number,
  count: number,
  forgotten: number,
): number {
  const { head, headF, capacity } = producers;
  headF[PRODUCER_HEAD_F.forgotten] = forgotten;
  let from = at;
  let entry = 0;
  for (let i = 0; i < count; i++) {
    const kept = view.getInt32(from + 20, true);
    if (kept < 0 || kept > KEPT_BATCHES) {
      throw new RingMQError('LOG_CORRUPT', `a producer in the snapshot has ${kept} batches`);
    }
    if (entry < capacity) {
      readEntry(producers, view, from, entry++, kept);
    } else if (kept > 0) {
      const lastStoreTime = view.getFloat64(from + ENTRY_BYTES + (kept - 1) * KEPT_BYTES + 24, true);
      headF[PRODUCER_HEAD_F.forgotten] = Math.max(headF[PRODUCER_HEAD_F.forgotten] as number, lastStoreTime);
    }
    from += ENTRY_BYTES + kept * KEPT_BYTES;
  }
  head[PRODUCER_HEAD.count] = entry;
  head[PRODUCER_HEAD.hand] = 0;
  return from;
}

function readEntry(
  { entries, entriesF, kept: keptF, keptWords }: ProducerViews,
  view: DataView,
  from: number,
  entry: number,
  kept: number,
): void {
  const words = entry * PRODUCER_WORDS;
  for (let w = 0; w < 5; w++) {
    entries[words + w] = view.getInt32(from + w * 4, true);
  }
  entries[words + PRODUCER.next] = kept % KEPT_BATCHES;
  entries[words + PRODUCER.kept] = kept;
  entries[words + PRODUCER.used] = view.getInt32(from + 24, true);
  entriesF[entry * PRODUCER_DOUBLES + PRODUCER_F.lastPosition] = view.getFloat64(from + 32, true);
  for (let k = 0; k < kept; k++) {
    const to = keptAt(entry, k);
    const source = from + ENTRY_BYTES + k * KEPT_BYTES;
    keptWords[to * 2] = view.getInt32(source, true);
    keptWords[to * 2 + 1] = view.getInt32(source + 4, true);
    for (let f = 1; f < KEPT_DOUBLES; f++) {
      keptF[to + f] = view.getFloat64(source + f * 8, true);
    }
  }
}
