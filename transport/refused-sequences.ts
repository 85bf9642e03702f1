/**
 * Keeps a producer's order across a refusal that it may try again. When batch n is refused because the disk
 * is full, n+1 is often on its way already; were it taken because room came in between, n would be stored
 * behind it. So what follows a refused batch is refused too, until the producer sends again what it was
 * refused.
 *
 * A sequence not above the highest refused one has been refused before: acks go out in order, so whoever
 * sends it again has read of every refusal before it, and what is missing before it was given up. A higher
 * one is new to us and may have been sent without knowing.
 */
import { BATCH, readUint32 } from '../native-free/wire/index.js';

/** Producers remembered on one connection. Beyond it the oldest is forgotten: of that one alone order may suffer, once. */
export const MAX_REFUSED_PRODUCERS = 1024;

interface Refused {
  /** Highest sequence refused and not accepted since. */
  highest: number;
  /** Error number of the refusal. */
  wire: number;
}

export class RefusedSequences {
  readonly #byProducer = new Map<string, Refused>();

  get isEmpty(): boolean {
    return this.#byProducer.size === 0;
  }

  /** The error number the batch at `at` must be refused with to keep its producer's order; 0: none. Notes the refusal. */
  check(bytes: Uint8Array, at: number): number {
    const refused = this.#byProducer.get(producerOf(bytes, at));
    if (refused === undefined) {
      return 0;
    }
    const sequence = readUint32(bytes, at + BATCH.sequence);
    if (((sequence - refused.highest) | 0) <= 0) {
      return 0;
    }
    refused.highest = sequence;
    return refused.wire;
  }

  /** The engine refused the batch at `at`: all of its producer that comes behind must wait for it. */
  refused(bytes: Uint8Array, at: number, wire: number): void {
    const producer = producerOf(bytes, at);
    if (producer === NO_PRODUCER) {
      return;
    }
    // Deleted first, so that the map's order is that of the refusals.
    this.#byProducer.delete(producer);
    this.#byProducer.set(producer, { highest: readUint32(bytes, at + BATCH.sequence), wire });
    if (this.#byProducer.size > MAX_REFUSED_PRODUCERS) {
      const [oldest] = this.#byProducer.keys();
      this.#byProducer.delete(oldest as string);
    }
  }

  /** The engine took the batch at `at`. */
  accepted(bytes: Uint8Array, at: number): void {
    const producer = producerOf(bytes, at);
    const refused = this.#byProducer.get(producer);
    if (refused?.highest === readUint32(bytes, at + BATCH.sequence)) {
      this.#byProducer.delete(producer);
    }
  }
}

/** Batches without a producer id have no sequence, and no order to keep. */
const NO_PRODUCER = '0/0';

/** Exact for all 64 bits of the id. */
function producerOf(bytes: Uint8Array, at: number): string {
  return `${readUint32(bytes, at + BATCH.producerId + 4)}/${readUint32(bytes, at + BATCH.producerId)}`;
}
