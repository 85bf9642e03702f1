/**
 * What the generator writes into a body, little-endian, so that whoever gets it can tell when it was meant to
 * go out, whether it is the only one with its number, and whether it came whole.
 *
 *      0        4         8           12          14          16            size - 4
 *      ┌────────┬─────────┬───────────┬───────────┬───────────┬──────┬────────┐
 *      │ run    │ number  │ µs (low)  │ µs (high) │ producer  │ fill │ number │
 *      └────────┴─────────┴───────────┴───────────┴───────────┴──────┴────────┘
 *
 * - run (u32): of this run alone, so that what others left behind does not count.
 * - number (u32): the producer's running number; once more at the end, where the body is long enough: a body put together from two
 *   would show it.
 * - µs (u48): intended start, since the run's epoch.
 * - fill: the same random-like bytes in every body of a run.
 */

export const HEAD_BYTES = 16;
/** From this size on the number stands at the end too. */
const WITH_TAIL_BYTES = HEAD_BYTES + 4;
const HIGH_UNIT = 2 ** 32;

/** Random-like bytes, the same for the same run. */
function fillOf(run: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let state = run | 1;
  for (let i = 0; i < sizeBytes; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 0xff;
  }
  return bytes;
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Makes and stamps the bodies of one producer. */
export class BodyWriter {
  readonly #fill: Uint8Array;
  readonly #epochMs: number;

  constructor(run: number, producer: number, sizeBytes: number, epochMs: number) {
    this.#fill = fillOf(run, sizeBytes);
    this.#epochMs = epochMs;
    writeUint32(this.#fill, 0, run);
    this.#fill[14] = producer;
    this.#fill[15] = producer >>> 8;
  }

  /** A body that lacks number and time. */
  make(): Uint8Array {
    return this.#fill.slice();
  }

  stamp(body: Uint8Array, number: number, intendedMs: number): void {
    const us = Math.max(0, Math.round((intendedMs - this.#epochMs) * 1000));
    const high = Math.floor(us / HIGH_UNIT);
    writeUint32(body, 4, number);
    writeUint32(body, 8, us >>> 0);
    body[12] = high;
    body[13] = high >>> 8;
    if (body.length >= WITH_TAIL_BYTES) {
      writeUint32(body, body.length - 4, number);
    }
  }
}

export const CHECK = { whole: 0, foreign: 1, damaged: 2 } as const;

/** Reads stamps. The fields are of the body that was looked at last. */
export class BodyReader {
  number = 0;
  producer = 0;
  intendedMs = 0;
  readonly #run: number;
  readonly #epochMs: number;
  readonly #fill: Buffer;
  readonly #sizeBytes: number;
  /** Fill bytes end here. */
  readonly #fillEnd: number;
  /** Only every so many bodies are compared byte by byte; length and both numbers are looked at in each. */
  readonly #compareEvery: number;
  #untilCompare = 1;

  constructor(run: number, sizeBytes: number, epochMs: number, compareEvery: number) {
    this.#run = run;
    this.#sizeBytes = sizeBytes;
    this.#epochMs = epochMs;
    this.#compareEvery = compareEvery;
    this.#fillEnd = sizeBytes >= WITH_TAIL_BYTES ? sizeBytes - 4 : sizeBytes;
    this.#fill = Buffer.from(fillOf(run, sizeBytes).buffer, 0, this.#fillEnd);
  }

  read(body: Uint8Array): number {
    if (body.length < HEAD_BYTES || readUint32(body, 0) !== this.#run) {
      return CHECK.foreign;
    }
    if (body.length !== this.#sizeBytes) {
      return CHECK.damaged;
    }
    this.number = readUint32(body, 4);
    const high = (body[12] as number) | ((body[13] as number) << 8);
    this.intendedMs = this.#epochMs + (readUint32(body, 8) + high * HIGH_UNIT) / 1000;
    this.producer = (body[14] as number) | ((body[15] as number) << 8);
    if (this.#fillEnd < body.length && readUint32(body, this.#fillEnd) !== this.number) {
      return CHECK.damaged;
    }
    if (--this.#untilCompare > 0) {
      return CHECK.whole;
    }
    this.#untilCompare = this.#compareEvery;
    const isSame = this.#fill.compare(body, HEAD_BYTES, this.#fillEnd, HEAD_BYTES, this.#fillEnd) === 0;
    return isSame ? CHECK.whole : CHECK.damaged;
  }
}
