/** A slave of the simulation, and the connection between it and a master. */
import { FollowerSession } from '../../broker/follower/follower-session.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  FACT_FLAG,
  type ReplicaEpoch,
  readUint32,
} from '../../native-free/wire/index.js';
import { type Random, SimLog, SPAN_BYTES } from './sim-log.js';

/** What all know. */
export const SECRET = new Uint8Array([5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5]);

/** One connection: what each side has sent and the other has not had. */
export class Wire {
  readonly toMaster: Uint8Array[] = [];
  readonly toSlave: Uint8Array[] = [];
  isCut = false;
  isPaused = false;
}

export class SimSlave extends SimLog {
  wire: Wire | null = null;
  session: FollowerSession | null = null;
  /** A control batch that has not been applied. */
  apply: (() => void) | null = null;
  isNew = true;
  /** What its log must be opened with. */
  cut: { position: number; state: Uint8Array | null } | null = null;
  readonly #random: Random;

  constructor(name: string, random: Random) {
    super(name);
    this.#random = random;
  }

  connect(wire: Wire, now: () => number, later: (run: () => void) => void): void {
    this.wire = wire;
    const log = this;
    const session = new FollowerSession({
      link: {
        bufferedBytes: 0,
        send: (frame) => wire.toMaster.push(frame.slice()),
        pause: () => {
          wire.isPaused = true;
        },
        resume: () => {
          wire.isPaused = false;
        },
      },
      log: {
        spanBytes: SPAN_BYTES,
        get end() {
          return log.end;
        },
        get written() {
          return log.written;
        },
        get flushed() {
          return log.flushed;
        },
        get epoch() {
          return log.epoch;
        },
        wantSync: () => {},
        append: (source, at, bytes) => this.#append(source, at, bytes),
        onCommitted: () => {},
        onControl: (batch, _position, done) => {
          const body = new TextDecoder().decode(batch.subarray(BATCH_HEADER_BYTES));
          this.apply = () => {
            const start = JSON.parse(body) as ReplicaEpoch;
            if (!this.epochs.some(({ epoch }) => epoch === start.epoch)) {
              this.epochs = [...this.epochs, start];
            }
            done();
          };
        },
      },
      secrets: () => [SECRET],
      facts: this.facts(this.isNew ? FACT_FLAG.isNew : 0),
      catchUpRateBytes: 1,
      now,
      later: (run) => later(run),
      onTaken: () => {},
      readSound: async () => new Uint8Array(0),
      onRun: () => {},
      onFollowing: () => {},
      onCut: (master, state) => {
        this.cut = { position: master.begin, state };
        wire.isCut = true;
      },
    });
    this.session = session;
    session.begin();
  }

  #append(source: Uint8Array, at: number, bytes: number): boolean {
    if (this.#random(4) === 0) {
      return false;
    }
    this.bytes.set(source.subarray(at, at + bytes), this.end);
    this.epoch = readUint32(source, at + BATCH.epoch);
    this.end += bytes;
    return true;
  }

  /** The log is opened again, and ends where the master said. */
  reopen(): void {
    const { position, state } = this.cut as { position: number; state: Uint8Array | null };
    this.cut = null;
    if (state === null) {
      this.cutTo(position);
      return;
    }
    this.isNew = false;
    this.bytes.fill(0);
    this.first = position;
    this.start = position;
    this.end = position;
    this.written = position;
    this.flushed = position;
    this.epochs = JSON.parse(new TextDecoder().decode(state)) as ReplicaEpoch[];
    this.epoch = this.epochs.at(-1)?.epoch ?? 0;
  }

  /** The process ends and starts again: what was not written is gone. A power cut takes what was not flushed. */
  die(isPowerCut: boolean): void {
    this.apply?.();
    this.apply = null;
    this.session = null;
    this.wire = null;
    if (!this.isNew) {
      // A recovery ends with a whole batch.
      this.cutTo(batchEnd(this, isPowerCut ? this.flushed : this.written));
    }
  }
}

/** Bytes nobody sent, or not now: made up, sent again, or cut short. */
export function garble(random: Random, wire: Wire | null): void {
  const queue = random(2) === 0 ? wire?.toMaster : wire?.toSlave;
  if (queue === undefined) {
    return;
  }
  const made = new Uint8Array(random(100)).map(() => random(256));
  const known = queue[random(queue.length)];
  const choices = [made, known?.slice(), known?.slice(0, random(known.length))];
  const frame = choices[random(3)] ?? made;
  queue.splice(random(queue.length + 1), 0, frame);
}

/** The last border of batches at or below `position`. */
export function batchEnd(log: SimLog, position: number): number {
  // Retention may have passed it.
  let at = log.first;
  while (at < position) {
    const next = at + ((readUint32(log.bytes, at + BATCH.length) + 63) & ~63);
    if (next > position) {
      break;
    }
    at = next;
  }
  return Math.min(at, position);
}
