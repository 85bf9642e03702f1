/**
 * Batches of a connection that wait for room, in the order in which they came. Their bytes are copies of what
 * was left of the frames they came in, one for all batches of a frame, which goes with the last of them.
 */
import { readUint32 } from '../native-free/wire/index.js';

export class WaitingBatches {
  readonly #frames: (Uint8Array | null)[] = [];
  readonly #ats: number[] = [];
  readonly #ids: number[] = [];
  #head = 0;
  /** Of the batches that wait, without what lies between them. */
  bytes = 0;

  get isEmpty(): boolean {
    return this.#head === this.#ids.length;
  }

  /** The frame of the one that came first, its place there, and its number. Only when there is one. */
  get frame(): Uint8Array {
    return this.#frames[this.#head] as Uint8Array;
  }
  get at(): number {
    return this.#ats[this.#head] as number;
  }
  get id(): number {
    return this.#ids[this.#head] as number;
  }

  push(frame: Uint8Array, at: number, id: number): void {
    this.#frames.push(frame);
    this.#ats.push(at);
    this.#ids.push(id);
    this.bytes += readUint32(frame, at);
  }

  /** Those of `other`, which came later, wait here too. */
  append(other: WaitingBatches): void {
    while (!other.isEmpty) {
      this.push(other.frame, other.at, other.id);
      other.drop();
    }
  }

  /** The one that came first is settled. Nothing happens when that has cleared all of them. */
  drop(): void {
    if (this.isEmpty) {
      return;
    }
    this.bytes -= readUint32(this.frame, this.at);
    this.#frames[this.#head] = null;
    this.#head++;
    if (this.isEmpty) {
      this.clear();
    }
  }

  clear(): void {
    this.#frames.length = 0;
    this.#ats.length = 0;
    this.#ids.length = 0;
    this.#head = 0;
    this.bytes = 0;
  }
}
