/**
 * Buffers that hold a frame until `ws` has written it. `ws` keeps the pointer it is given until its callback,
 * while a session reuses its frame buffer as soon as `send` returns; so each frame is copied into a buffer
 * from here.
 */

const SMALLEST_BITS = 9;
const LARGEST_BITS = 19;
/** Idle buffers kept of each size, at most 8 MiB in all sizes but the smallest. */
const KEPT_BYTES = 1024 * 1024;

/** A copy of one frame; `release` gives its memory back and is made once for each buffer, not for each frame. */
export interface PooledFrame {
  readonly memory: Uint8Array;
  readonly release: () => void;
  /** Called by `release` before the memory is up for reuse. */
  onReleased: (() => void) | null;
}

/** One thread's pool. Frames above 512 KiB are not kept. */
export class SendPool {
  readonly #free: PooledFrame[][] = [];

  constructor() {
    for (let bits = 0; bits <= LARGEST_BITS; bits++) {
      this.#free.push([]);
    }
  }

  /** A buffer of at least `length` bytes, content undefined. */
  take(length: number): PooledFrame {
    let bits = SMALLEST_BITS;
    while (1 << bits < length) {
      bits++;
    }
    if (bits > LARGEST_BITS) {
      return this.#make(length, null, 0);
    }
    const free = this.#free[bits] as PooledFrame[];
    return free.pop() ?? this.#make(1 << bits, free, Math.max(4, KEPT_BYTES >> bits));
  }

  #make(bytes: number, home: PooledFrame[] | null, kept: number): PooledFrame {
    const frame: PooledFrame = {
      memory: new Uint8Array(bytes),
      onReleased: null,
      release: () => {
        const told = frame.onReleased;
        frame.onReleased = null;
        if (home !== null && home.length < kept) {
          home.push(frame);
        }
        told?.();
      },
    };
    return frame;
  }
}
