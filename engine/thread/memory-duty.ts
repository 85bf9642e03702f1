/**
 * What a thread does for memory topics in each of its turns. There is no persist stage for them: whoever
 * writes or reads indexes, frees, and holds what readers still want.
 */
import { monotonicMs } from '../../native-free/time/index.js';
import type { Lane } from '../lane/lane.js';
import { holdForReaders } from '../lane/memory-hold.js';
import type { LaneReader } from '../lane/queue-reader.js';
import type { IndexStage, QueueTable } from '../queue/index.js';
import type { ThreadWaker } from './thread-waker.js';

export interface MemoryDutyDeps {
  readonly memory: Lane;
  readonly memoryIndex: IndexStage;
  readonly queueTable: QueueTable;
  readonly memoryHoldMs: number;
}

export class MemoryDuty {
  readonly #lane: Lane;
  readonly #index: IndexStage;
  readonly #queueTable: QueueTable;
  readonly #holdMs: number;
  readonly #readers: ReadonlySet<LaneReader>;
  readonly #waker: ThreadWaker;
  #gate: number;
  #isHolding = false;

  /** `readers`: those of the thread's readers that read memory topics, as they come and go. */
  constructor(deps: MemoryDutyDeps, readers: ReadonlySet<LaneReader>, waker: ThreadWaker) {
    this.#lane = deps.memory;
    this.#index = deps.memoryIndex;
    this.#queueTable = deps.queueTable;
    this.#holdMs = deps.memoryHoldMs;
    this.#readers = readers;
    this.#waker = waker;
    this.#gate = deps.memory.ring.gate();
  }

  /** A reader has come: the hold begins, unless there is one. */
  begin(): void {
    if (!this.#isHolding && this.#hold()) {
      this.#waker.wakeOthers();
    }
  }

  /** Hold, index and free the memory lane, and wake whom that concerns: no persist stage does it there. */
  tend(): void {
    const lane = this.#lane;
    const isNews = this.#hold();
    lane.runIndex();
    const gate = lane.ring.gate();
    if (gate !== this.#gate || isNews) {
      // Writers on any thread may be waiting for room.
      this.#gate = gate;
      this.#waker.wakeOthers();
    } else {
      this.#waker.wakeTouched(this.#index);
    }
  }

  /** True when that is news to writers that wait. */
  #hold(): boolean {
    const readers = this.#readers;
    if (readers.size === 0 && !this.#isHolding) {
      return false;
    }
    this.#isHolding = readers.size > 0;
    return holdForReaders(this.#lane, this.#queueTable, readers, monotonicMs(), this.#holdMs);
  }
}
