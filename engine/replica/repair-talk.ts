/**
 * Asking the other end of a replica connection for a stretch of the log, and answering it: damage on one side
 * is repaired from the other, whichever is the master. One question at a time in each direction; the answer
 * comes in pieces, and is empty where the other has nothing sound there.
 */
import {
  FRAME,
  FRAME_HEADER_BYTES,
  frameFlags,
  frameId,
  frameValue,
  isPosition,
  makeFrame,
  REPAIR_PIECE_BYTES,
  REPLICA_FLAG_LAST,
  REPLICA_OPCODE,
  readUint64,
  writeUint64,
} from '../../native-free/wire/index.js';

export interface RepairTalkDeps {
  send(frame: Uint8Array): void;
  /** Whole batches and pads of this log from `position` on, some `bytes` of them; empty: none that are sound. */
  answer(position: number, bytes: number): Promise<Uint8Array>;
  /** What the other has from `position` on; unchecked. */
  onRun(position: number, run: Uint8Array): void;
  /** Sent, and not taken by the kernel. */
  bufferedBytes(): number;
  /** Of one answer. */
  readonly maxBytes: number;
}

/** One that asks and does not read what is sent is told that there is nothing. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

interface Question {
  readonly id: number;
  readonly position: number;
  readonly pieces: Uint8Array[];
  bytes: number;
}

export class RepairTalk {
  readonly #deps: RepairTalkDeps;
  #asked = 0;
  #question: Question | null = null;
  #isAnswering = false;
  #isClosed = false;

  constructor(deps: RepairTalkDeps) {
    this.#deps = deps;
  }

  /** The answer to the last question is still to come. */
  get isAsking(): boolean {
    return this.#question !== null;
  }

  /** False: the answer to the last question is still to come. */
  ask(position: number, bytes: number): boolean {
    if (this.#question !== null || this.#isClosed) {
      return false;
    }
    this.#question = { id: ++this.#asked, position, pieces: [], bytes: 0 };
    const payload = new Uint8Array(8);
    writeUint64(payload, 0, bytes);
    this.#deps.send(makeFrame(REPLICA_OPCODE.ask, this.#asked, { value: position, payload }));
    return true;
  }

  /** An `ask` or `bytes` frame of the right shape. What is wrong with it, or null. */
  onFrame(frame: Uint8Array): string | null {
    return frame[FRAME.opcode] === REPLICA_OPCODE.ask ? this.#onAsk(frame) : this.#onBytes(frame);
  }

  close(): void {
    this.#isClosed = true;
    this.#question = null;
  }

  #onAsk(frame: Uint8Array): string | null {
    const position = frameValue(frame);
    const bytes = readUint64(frame, FRAME_HEADER_BYTES);
    if (this.#isAnswering) {
      return 'it asks for more of the log before it has the answer';
    }
    if (!isPosition(position) || !isPosition(bytes) || bytes === 0) {
      return `it asks for ${bytes} bytes of the log at ${position}`;
    }
    this.#isAnswering = true;
    const id = frameId(frame);
    const { answer, bufferedBytes } = this.#deps;
    if (bufferedBytes() > MAX_BUFFERED_BYTES) {
      this.#answer(id, position, new Uint8Array(0));
      return null;
    }
    answer(position, bytes).then(
      (run) => this.#answer(id, position, run),
      () => this.#answer(id, position, new Uint8Array(0)),
    );
    return null;
  }

  #answer(id: number, position: number, run: Uint8Array): void {
    this.#isAnswering = false;
    let at = 0;
    do {
      const payload = run.subarray(at, at + REPAIR_PIECE_BYTES);
      const value = position + at;
      at += payload.length;
      const flags = at >= run.length ? REPLICA_FLAG_LAST : 0;
      if (!this.#isClosed) {
        this.#deps.send(makeFrame(REPLICA_OPCODE.bytes, id, { flags, value, payload }));
      }
    } while (at < run.length);
  }

  #onBytes(frame: Uint8Array): string | null {
    const question = this.#question;
    if (question === null || frameId(frame) !== question.id) {
      return 'bytes of the log that nobody asked for';
    }
    if (frameValue(frame) !== question.position + question.bytes) {
      return `bytes of the log at ${frameValue(frame)} instead of ${question.position + question.bytes}`;
    }
    const piece = frame.slice(FRAME_HEADER_BYTES);
    question.bytes += piece.length;
    if (question.bytes > this.#deps.maxBytes) {
      return `more than ${this.#deps.maxBytes} bytes of the log in one answer`;
    }
    question.pieces.push(piece);
    if ((frameFlags(frame) & REPLICA_FLAG_LAST) !== 0) {
      this.#question = null;
      this.#deps.onRun(question.position, new Uint8Array(Buffer.concat(question.pieces)));
    }
    return null;
  }
}
