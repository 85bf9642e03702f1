/** Messages under way, and somebody who waits until there are none. */
export class Outstanding {
  #count = 0;
  #onEmpty: (() => void) | null = null;

  add(count = 1): void {
    this.#count += count;
  }

  remove(count = 1): void {
    this.#count -= count;
    if (this.#count > 0 || this.#onEmpty === null) {
      return;
    }
    this.#onEmpty();
    this.#onEmpty = null;
  }

  empty(): Promise<void> {
    if (this.#count === 0) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }
}

/** The bytes of a body as a `Buffer`, which some libraries ask for; not a copy. */
export function asBuffer(body: Uint8Array): Buffer {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
