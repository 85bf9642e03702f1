/**
 * A log for control batches, as far as a control log sees it: what was put in is acked in a later turn,
 * unless it is full or has failed.
 */
import type { ControlWriter } from '../../engine/control/control-log.js';
import { APPEND, type AppendSink } from '../../engine/engine-thread.js';
import { type ControlRecord, MetaState, recordsOf } from '../../engine/meta/index.js';
import { BATCH_HEADER_BYTES, ERRORS, slotAligned } from '../../native-free/wire/index.js';

export class FakeLog implements ControlWriter {
  /** Acked: what a kill leaves. */
  readonly batches: Uint8Array[] = [];
  /** The disk has no room; what is in the ring waits. */
  full = false;
  failed = false;
  /** The ring has no room. */
  ringFull = false;
  end = 0;
  #ringed: { sink: AppendSink; id: number; bytes: Uint8Array }[] = [];
  #waiters: (() => void)[] = [];
  #isScheduled = false;

  controlRefusal(): number {
    return this.failed ? ERRORS.DISK_FAILED.wire : this.full ? ERRORS.DISK_FULL.wire : 0;
  }

  appendControl(sink: AppendSink, id: number, bytes: Uint8Array): number {
    if (this.ringFull) {
      return APPEND.full;
    }
    this.#ringed.push({ sink, id, bytes: bytes.slice() });
    this.#schedule();
    return APPEND.ok;
  }

  onRoom(callback: () => void): void {
    this.#waiters.push(callback);
  }

  /** The ring has room again. */
  giveRoom(): void {
    this.ringFull = false;
    for (const waiter of this.#waiters.splice(0)) {
      waiter();
    }
  }

  /** The disk has room again. */
  makeRoom(): void {
    this.full = false;
    this.#schedule();
  }

  /** All records that survived, in order. */
  records(): ControlRecord[] {
    return this.batches.flatMap((batch) => recordsOf(batch, batch.subarray(BATCH_HEADER_BYTES)));
  }

  /** What a broker that opens this log knows. */
  recover(): MetaState {
    const state = new MetaState();
    for (const record of this.records()) {
      state.apply(record);
    }
    return state;
  }

  /** The process has died: what was not acked is gone. */
  kill(): void {
    this.#ringed = [];
    this.#waiters = [];
  }

  #schedule(): void {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        this.#settle();
      });
    }
  }

  #settle(): void {
    if (this.failed) {
      for (const { sink, id } of this.#ringed.splice(0)) {
        sink.onAppended(id, ERRORS.DISK_FAILED.wire, 0, 0, 0, 0, 0);
      }
    } else if (!this.full) {
      for (const { sink, id, bytes } of this.#ringed.splice(0)) {
        this.batches.push(bytes);
        sink.onAppended(id, 0, 1, 0, 0, this.end, 0);
        this.end += slotAligned(bytes.length);
      }
    }
  }
}
