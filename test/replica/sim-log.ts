/** Logs for the simulation of replication: a master that appends, and slaves that copy, in plain memory. */
import { stampHeader } from '../../engine/batch/header.js';
import { crc32 } from '../../native-free/checksum/crc32.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  BATCH_VERSION,
  PAD_HEADER_BYTES,
  type ReplicaEpoch,
  type ReplicaFacts,
  slotAligned,
  writeUint32,
} from '../../native-free/wire/index.js';

export const SPAN_BYTES = 4096;
export const LOG_BYTES = 256 * 1024;
export const BROKER_ID = '0123456789abcdef';

export type Random = (below: number) => number;

/** Small numbers from a seed, the same each time. */
export function randomOf(seed: number): Random {
  let state = (seed * 2654435761 + 1) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What both sides have. */
export class SimLog {
  readonly bytes = new Uint8Array(LOG_BYTES);
  /** From here on there are bytes; retention moves `start` only. */
  first = 0;
  start = 0;
  end = 0;
  written = 0;
  flushed = 0;
  epoch = 0;
  epochs: ReplicaEpoch[] = [];
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  facts(flags = 0): ReplicaFacts {
    return {
      start: this.start,
      end: this.end,
      spanBytes: SPAN_BYTES,
      flags,
      brokerId: BROKER_ID,
      epoch: this.epoch,
      epochs: this.epochs,
      begin: 0,
      committed: 0,
      name: this.name,
      set: 's',
      cluster: 'c',
    };
  }

  /** Some more of it is written, and some of that is flushed. */
  persist(random: Random): void {
    this.written += 64 * random((this.end - this.written) / 64 + 1);
    this.flushed += 64 * random((this.written - this.flushed) / 64 + 1);
  }

  /** What was not written is gone, and terms that had begun there. */
  cutTo(position: number): void {
    this.end = position;
    this.written = Math.min(this.written, position);
    this.flushed = Math.min(this.flushed, position);
    this.bytes.fill(0, position);
    this.epochs = this.epochs.filter((start) => start.position < position);
    this.epoch = this.epochs.at(-1)?.epoch ?? 0;
  }
}

/** A log that is appended to. */
export class SimMaster extends SimLog {
  readonly ring: Uint8Array;
  readonly #random: Random;

  constructor(random: Random, ringBytes: number) {
    super('master');
    this.#random = random;
    this.ring = new Uint8Array(ringBytes);
  }

  /** One that goes on with the log of a slave, all of which it has written. */
  static of(log: SimLog, random: Random, ringBytes: number): SimMaster {
    const master = new SimMaster(random, ringBytes);
    master.bytes.set(log.bytes);
    master.first = log.first;
    master.start = log.start;
    master.end = log.end;
    master.written = log.end;
    master.flushed = log.flushed;
    master.epochs = log.epochs;
    for (let at = Math.max(0, master.end - ringBytes); at < master.end; at++) {
      master.ring[at % ringBytes] = master.bytes[at] as number;
    }
    return master;
  }

  /** A term begins, as its control batch says. */
  open(epoch: number, time: number): void {
    this.epoch = epoch;
    const start = { epoch, position: this.end, time };
    this.epochs = [...this.epochs, start];
    const body = new TextEncoder().encode(JSON.stringify(start));
    this.#put(BATCH_TYPE.control, body.length, (bytes, at) => bytes.set(body, at));
  }

  /** A few batches of chance sizes. False: the log is full. */
  append(): boolean {
    if (this.end > LOG_BYTES - 3 * SPAN_BYTES) {
      return false;
    }
    const random = this.#random;
    this.#put(BATCH_TYPE.data, random(10) === 0 ? random(3_500) : random(200), (bytes, at, length) => {
      for (let i = 0; i < length; i++) {
        bytes[at + i] = random(256);
      }
    });
    return true;
  }

  #put(type: number, bodyBytes: number, fill: (bytes: Uint8Array, at: number, length: number) => void): void {
    const length = BATCH_HEADER_BYTES + bodyBytes;
    const left = SPAN_BYTES - (this.end % SPAN_BYTES);
    if (slotAligned(length) > left) {
      this.#stamp(BATCH_TYPE.pad, left);
    }
    const at = this.end;
    fill(this.bytes, at + BATCH_HEADER_BYTES, bodyBytes);
    this.#stamp(type, length);
  }

  #stamp(type: number, length: number): void {
    const at = this.end;
    const { bytes } = this;
    if (type === BATCH_TYPE.pad) {
      bytes.fill(0, at, at + PAD_HEADER_BYTES);
      // What a claim left behind: part of the log all the same.
      bytes.fill(7, at + PAD_HEADER_BYTES, at + length);
    } else {
      bytes.fill(0, at, at + BATCH_HEADER_BYTES);
    }
    writeUint32(bytes, at + BATCH.length, length);
    bytes[at + BATCH.version] = BATCH_VERSION;
    bytes[at + BATCH.type] = type;
    if (type !== BATCH_TYPE.pad) {
      writeUint32(bytes, at + BATCH.bodyCrc, crc32(bytes, at + BATCH_HEADER_BYTES, at + length));
    }
    stampHeader(bytes, at, {
      position: at,
      flushed: Math.min(this.flushed, at),
      epoch: this.epoch,
      baseOffset: 0,
      storeTime: at,
      isPad: type === BATCH_TYPE.pad,
    });
    this.end = at + slotAligned(length);
    for (let i = at; i < this.end; i++) {
      this.ring[i % this.ring.length] = bytes[i] as number;
    }
  }
}
