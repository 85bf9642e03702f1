/** Seeded random numbers: the same seed gives the same run, so that a failing one can be replayed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
    // Neighbouring seeds begin alike; a few rounds take them apart.
    for (let i = 0; i < 4; i++) {
      this.next();
    }
  }

  /** 0 ≤ x < 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  }

  /** An integer, 0 ≤ x < bound. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}

/**
 * The seeds a simulation runs: `count` from a fixed start, or only the one in `RINGMQ_SEED`, to replay a
 * failure.
 */
export function seeds(count: number): number[] {
  const only = process.env['RINGMQ_SEED'];
  if (only !== undefined) {
    return [Number(only)];
  }
  return Array.from({ length: count }, (_, i) => i + 1);
}

/** Runs one seed and says how to run it again when it fails. */
export function withSeed(seed: number, run: (random: Random) => void): void {
  try {
    run(new Random(seed));
  } catch (error) {
    throw new Error(`RINGMQ_SEED=${seed} replays this: ${(error as Error).message}`, { cause: error });
  }
}
