/** What every row of the comparison moves: 100 B messages, in batches as RingMQ's client makes them. */
export const BODY_BYTES = 100;
/** A producer's default. */
export const BATCH_BYTES = 64 * 1024;
/** Batches, and single messages, that may be on their way: as bounded as a ring is. */
export const BATCHES_IN_FLIGHT = 64;
export const MESSAGES_IN_FLIGHT = 8192;

/**
 * `transferred`, `copied`: RingMQ's batch, packed and read message by message by RingMQ's own client code, so
 * that only the way from thread to thread differs. `objects`: as many messages in a plain array, cloned by
 * the platform.
 */
export type BatchForm = 'transferred' | 'copied' | 'objects';

/** What a thread prints when it is done. */
export interface EmbeddedFigure {
  messagesPerSecond: number;
}

/** Different bodies: the platform clones an object that comes twice only once. */
export function makeBodies(count: number): Uint8Array[] {
  return Array.from({ length: count }, () => new Uint8Array(BODY_BYTES).fill(120));
}

/** Prints what came, once all of it has. */
export function printFigure(startedAt: number, count: number, bytes: number): void {
  const seconds = (performance.now() - startedAt) / 1000;
  if (bytes !== count * BODY_BYTES) {
    throw new Error(`${bytes} bytes came of ${count * BODY_BYTES}`);
  }
  const figure: EmbeddedFigure = { messagesPerSecond: count / seconds };
  process.stdout.write(`${JSON.stringify(figure)}\n`);
}
