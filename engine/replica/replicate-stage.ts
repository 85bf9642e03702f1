/**
 * The replicate stage: sends one slave the log's bytes as they lie, pads included, and hears what it has. A
 * pure step over interfaces: ring, files, clock and link. It runs on the thread that has the slave's
 * connection, since a socket cannot be handed to another one.
 *
 * The hot tail is copied from the ring, pinned, into a frame. What the ring has given away is read from the
 * segments, one bounded piece at a time and without waiting for it: the thread goes on, and so does the step
 * once the piece is there.
 */
import {
  BATCH,
  LOG_FRAME_BYTES,
  LOG_FRAME_HEADER_BYTES,
  REPLICA_FLAG_OLD,
  REPLICA_OPCODE,
  readUint32,
  slotAligned,
  writeFrameHeader,
  writeUint64,
} from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';
import { soundBatches } from '../batch/sound-batches.js';
import { bulkCopy, bulkTarget } from '../ring/bulk-copy.js';

/** The log's ring as this stage reads it. Positions in bytes. */
export interface ReplicateRing {
  readonly bytes: Uint8Array;
  readonly ringBytes: number;
  readonly spanBytes: number;
  /** Up to where batches are stamped: it ends with a batch. */
  end(): number;
  /** Keeps `position` and all behind it from being overwritten until {@link unpin}. False: it is gone. */
  pin(position: number): boolean;
  unpin(): void;
}

/** The log's files. */
export interface ReplicateFiles {
  /** First position that they have. */
  start(): number;
  /** Reads up to `length` bytes; resolves with how many there are. Rejects with disk errors. */
  read(position: number, length: number, target: Uint8Array): Promise<number>;
}

/** The connection to the slave. */
export interface ReplicateLink {
  readonly bufferedBytes: number;
  /** The frame's memory may be used again when it returns. */
  send(frame: Uint8Array): void;
  /** It cannot go on: ends the connection. */
  fail(why: string): void;
}

export interface ReplicateDeps {
  readonly ring: ReplicateRing;
  readonly files: ReplicateFiles;
  readonly link: ReplicateLink;
  /** Up to where the log is committed, in bytes. */
  committed(): number;
  now(): number;
  /** The files have no whole batch at `position`, where one should be. */
  onDamage(position: number): void;
  /** The slave has so much; false: another connection speaks for it, this one is to end. */
  onHeard(received: number, flushed: number): void;
}

/** No more is sent while so much is not taken by the kernel. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
/** Sent in one step at most, so that the thread's other connections have their turn. */
const MAX_STEP_BYTES = 4 * 1024 * 1024;
/** A slave is told how far the log is at least so often. */
export const BEAT_MS = 500;
/**
 * What is committed goes with the log. Only when no more log follows is it told by itself, so much later: a
 * frame for each ack would cost master and slave more than the ack.
 */
export const NEWS_MS = 5;

export class ReplicateStage {
  readonly #deps: ReplicateDeps;
  #frame = new Uint8Array(LOG_FRAME_HEADER_BYTES + LOG_FRAME_BYTES);
  /** The frame's bytes. */
  #bulk = bulkTarget(this.#frame);
  #position: number;
  #received = 0;
  #flushed = 0;
  #sentCommitted = -1;
  #sentAt: number;
  /** A piece read from files, and how much of it there is; -1: it is being read. */
  #piece: Uint8Array | null = null;
  #pieceBytes = 0;
  #pieceWanted = LOG_FRAME_BYTES;
  /** Of what was read from files: what follows is of no lower one. */
  #epoch = 0;
  #isReading = false;
  #isClosed = false;
  /** More is committed than the slave knows of: the step is to run again within {@link NEWS_MS}. */
  owesNews = false;
  /** Called when a piece has been read: the step is to run again. */
  onReadable: (() => void) | null = null;

  /** `position`: where the slave's log ends. */
  constructor(deps: ReplicateDeps, position: number) {
    this.#deps = deps;
    this.#position = position;
    this.#sentAt = deps.now() - BEAT_MS;
  }

  /** What the next frame begins with. */
  get position(): number {
    return this.#position;
  }

  /** Sends what there is to send. True: there is more, and room for it; call again in a turn to come. */
  step(): boolean {
    const { ring, link } = this.#deps;
    let left = MAX_STEP_BYTES;
    while (!this.#isClosed && left > 0) {
      const end = ring.end();
      if (this.#position >= end || link.bufferedBytes > MAX_BUFFERED_BYTES) {
        break;
      }
      const sent = this.#isReading || this.#piece !== null ? this.#sendPiece(end) : this.#sendHot(end);
      if (sent === 0) {
        break;
      }
      left -= sent;
    }
    if (left <= 0) {
      return true;
    }
    const isNews = this.#position >= ring.end() && this.#deps.committed() !== this.#sentCommitted;
    const silenceMs = this.#deps.now() - this.#sentAt;
    const isDue = silenceMs >= (isNews ? NEWS_MS : BEAT_MS);
    if (isDue && !this.#isClosed) {
      this.#send(0, 0);
    }
    this.owesNews = isNews && !isDue;
    return false;
  }

  /** An ack frame. A slave that says what cannot be is not believed: null, or what is wrong. */
  onAck(received: number, flushed: number): string | null {
    if (received < this.#received || received > this.#position) {
      return `it has received ${received}, between ${this.#received} and ${this.#position}`;
    }
    if (flushed < this.#flushed || flushed > received) {
      return `it has flushed ${flushed}, between ${this.#flushed} and ${received}`;
    }
    this.#received = received;
    this.#flushed = flushed;
    this.#deps.onHeard(received, flushed);
    return null;
  }

  close(): void {
    this.#isClosed = true;
    this.onReadable = null;
  }

  /** From the ring; when that has moved on, begins to read. Returns how much was sent. */
  #sendHot(end: number): number {
    const { ring } = this.#deps;
    if (!ring.pin(this.#position)) {
      this.#read();
      return 0;
    }
    try {
      const at = this.#position % ring.ringBytes;
      const most = Math.min(end - this.#position, ring.ringBytes - at);
      const bytes = most <= LOG_FRAME_BYTES ? most : wholeBatches(ring.bytes, at, most, LOG_FRAME_BYTES);
      this.#makeRoom(bytes);
      bulkCopy(this.#bulk, ring.bytes.subarray(at, at + bytes), LOG_FRAME_HEADER_BYTES);
      this.#send(bytes, 0);
      return bytes;
    } finally {
      ring.unpin();
    }
  }

  #sendPiece(end: number): number {
    if (this.#isReading) {
      return 0;
    }
    const piece = this.#piece as Uint8Array;
    this.#piece = null;
    const there = Math.min(this.#pieceBytes, end - this.#position);
    // What comes from files may be damaged. The slave would find it, too, but could not tell who can repair
    // it.
    const whole = piece.subarray(0, Math.max(0, there));
    const bytes = soundBatches(whole, this.#position, there, this.#deps.ring.spanBytes, this.#epoch);
    if (bytes > 0) {
      this.#epoch = readUint32(piece, BATCH.epoch);
      this.#pieceWanted = LOG_FRAME_BYTES;
      this.#makeRoom(bytes);
      bulkCopy(this.#bulk, piece.subarray(0, bytes), LOG_FRAME_HEADER_BYTES);
      this.#send(bytes, REPLICA_FLAG_OLD);
      return bytes;
    }
    this.#badPiece(piece, there);
    return 0;
  }

  /** A batch larger than the piece, or nothing that can be sent. */
  #badPiece(piece: Uint8Array, there: number): void {
    const { files, link, ring } = this.#deps;
    const position = this.#position;
    if (position < files.start()) {
      link.fail(`the log at ${position} is not there any more: it begins at ${files.start()}`);
      return;
    }
    const isHeader = there > 0 && headerIsValid(piece, 0, position);
    const length = isHeader ? slotAligned(readUint32(piece, BATCH.length)) : 0;
    const left = ring.spanBytes - (position % ring.spanBytes);
    if (length > this.#pieceWanted && length <= left) {
      this.#pieceWanted = length;
      this.#read();
      return;
    }
    this.#deps.onDamage(position);
    link.fail(`the log is damaged at ${position}`);
  }

  #read(): void {
    const { files, link } = this.#deps;
    const target = new Uint8Array(this.#pieceWanted);
    this.#isReading = true;
    files.read(this.#position, this.#pieceWanted, target).then(
      (bytes) => {
        this.#isReading = false;
        this.#piece = target;
        this.#pieceBytes = bytes;
        this.onReadable?.();
      },
      (error: unknown) => {
        this.#isReading = false;
        if (!this.#isClosed) {
          link.fail(`the log cannot be read at ${this.#position}: ${String(error)}`);
        }
      },
    );
  }

  #makeRoom(bytes: number): void {
    if (this.#frame.length < LOG_FRAME_HEADER_BYTES + bytes) {
      this.#frame = new Uint8Array(LOG_FRAME_HEADER_BYTES + bytes);
      this.#bulk = bulkTarget(this.#frame);
    }
  }

  /** The bytes lie in the frame already. */
  #send(bytes: number, flags: number): void {
    const committed = this.#deps.committed();
    writeFrameHeader(this.#frame, REPLICA_OPCODE.log, flags, 0, this.#position);
    writeUint64(this.#frame, LOG_FRAME_HEADER_BYTES - 16, committed);
    writeUint64(this.#frame, LOG_FRAME_HEADER_BYTES - 8, this.#deps.ring.end());
    // Counted before it is sent: the answer may come within the call.
    this.#position += bytes;
    this.#sentCommitted = committed;
    this.#sentAt = this.#deps.now();
    this.#deps.link.send(this.#frame.subarray(0, LOG_FRAME_HEADER_BYTES + bytes));
  }
}

/** Bytes of the batches from `at` on that come to at most `wanted`, or the first one alone. */
function wholeBatches(bytes: Uint8Array, at: number, most: number, wanted: number): number {
  let done = slotAligned(readUint32(bytes, at + BATCH.length));
  while (done < most) {
    const next = done + slotAligned(readUint32(bytes, at + done + BATCH.length));
    if (next > wanted) {
      break;
    }
    done = next;
  }
  return done;
}
