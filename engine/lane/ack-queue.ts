/**
 * Batches of one thread that wait: first for the index stage's result, then for the watermark their policy
 * names. A queue in typed arrays, so that a batch costs no object. It grows by doubling; its bound is that of
 * what may be unacked, the credit of all connections.
 */
import type { AppendSink } from '../engine-thread.js';

const FIRST_CAPACITY = 1024;

export class AckQueue {
  #sinks: (AppendSink | null)[] = new Array<AppendSink | null>(FIRST_CAPACITY).fill(null);
  #ids = new Uint32Array(FIRST_CAPACITY);
  #flags = new Uint8Array(FIRST_CAPACITY);
  #ends = new Int32Array(FIRST_CAPACITY);
  /** base offset, position, store time of each. */
  #facts = new Float64Array(FIRST_CAPACITY * 3);
  #mask = FIRST_CAPACITY - 1;
  #head = 0;
  #tail = 0;

  get length(): number {
    return this.#tail - this.#head;
  }

  push(
    sink: AppendSink | null,
    id: number,
    flags: number,
    end: number,
    baseOffset: number,
    position: number,
    storeTime: number,
  ): void {
    if (this.#tail - this.#head > this.#mask) {
      this.#grow();
    }
    const at = this.#tail++ & this.#mask;
    this.#sinks[at] = sink;
    this.#ids[at] = id;
    this.#flags[at] = flags;
    this.#ends[at] = end;
    this.#facts[at * 3] = baseOffset;
    this.#facts[at * 3 + 1] = position;
    this.#facts[at * 3 + 2] = storeTime;
  }

  /** The end, in slots, of the oldest entry. Only when not empty. */
  headEnd(): number {
    return this.#ends[this.#head & this.#mask] as number;
  }
  headSink(): AppendSink | null {
    return this.#sinks[this.#head & this.#mask] as AppendSink | null;
  }
  headId(): number {
    return this.#ids[this.#head & this.#mask] as number;
  }
  headFlags(): number {
    return this.#flags[this.#head & this.#mask] as number;
  }
  headPosition(): number {
    return this.#facts[(this.#head & this.#mask) * 3 + 1] as number;
  }

  drop(): void {
    this.#sinks[this.#head & this.#mask] = null;
    this.#head++;
  }

  /** Tells the oldest entry's sink, and removes it. `moreFlags`: what is known only now. */
  settle(status: number, durability: number, moreFlags: number): void {
    const at = this.#head & this.#mask;
    const sink = this.#sinks[at];
    this.#sinks[at] = null;
    this.#head++;
    sink?.onAppended(
      this.#ids[at] as number,
      status,
      durability,
      (this.#flags[at] as number) | moreFlags,
      this.#facts[at * 3] as number,
      this.#facts[at * 3 + 1] as number,
      this.#facts[at * 3 + 2] as number,
    );
  }

  /** The sink's connection is gone: its entries stay in their places and tell nobody. */
  forget(sink: AppendSink): void {
    for (let i = this.#head; i < this.#tail; i++) {
      if (this.#sinks[i & this.#mask] === sink) {
        this.#sinks[i & this.#mask] = null;
      }
    }
  }

  #grow(): void {
    const capacity = (this.#mask + 1) * 2;
    const count = this.length;
    const sinks = new Array<AppendSink | null>(capacity).fill(null);
    const ids = new Uint32Array(capacity);
    const flags = new Uint8Array(capacity);
    const ends = new Int32Array(capacity);
    const facts = new Float64Array(capacity * 3);
    for (let i = 0; i < count; i++) {
      const from = (this.#head + i) & this.#mask;
      sinks[i] = this.#sinks[from] as AppendSink | null;
      ids[i] = this.#ids[from] as number;
      flags[i] = this.#flags[from] as number;
      ends[i] = this.#ends[from] as number;
      facts.set(this.#facts.subarray(from * 3, from * 3 + 3), i * 3);
    }
    this.#sinks = sinks;
    this.#ids = ids;
    this.#flags = flags;
    this.#ends = ends;
    this.#facts = facts;
    this.#mask = capacity - 1;
    this.#head = 0;
    this.#tail = count;
  }
}
