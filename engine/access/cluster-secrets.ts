/** The secrets that the nodes of a cluster prove to each other that they know. While they are changed there are two, so that no node refuses another. */

/** A node proves with the first one, and takes proofs of each. They may become others at any time: whoever needs one asks for it then. */
export class ClusterSecrets {
  #all: readonly [Uint8Array, ...Uint8Array[]];
  readonly #listeners = new Set<() => void>();

  constructor(all: readonly [Uint8Array, ...Uint8Array[]]) {
    this.#all = all;
  }

  get first(): Uint8Array {
    return this.#all[0];
  }

  get all(): readonly Uint8Array[] {
    return this.#all;
  }

  /** False: they are the same ones. */
  replace(all: readonly [Uint8Array, ...Uint8Array[]]): boolean {
    const isSame =
      all.length === this.#all.length &&
      all.every((secret, i) => Buffer.compare(secret, this.#all[i] as Uint8Array) === 0);
    if (isSame) {
      return false;
    }
    this.#all = all;
    for (const tell of [...this.#listeners]) {
      tell();
    }
    return true;
  }

  /** Has it called after each change; returns the way to end that. */
  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
