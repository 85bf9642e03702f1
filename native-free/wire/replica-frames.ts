/**
 * The replication protocol's frames, drawn: binary WebSocket messages of the subprotocol {@link
 * REPLICA_SUBPROTOCOL}, between a slave, which connects, and its master. Each has the 16 bytes of
 * frame-layout.ts in front; numbers are little-endian. docs/replication-protocol.md says who sends what when.
 *
 *     nonce      slave → master   value 1: the protocol's version     32 bytes, random
 *     challenge  master → slave                                       32 bytes, random
 *     proof      slave → master, then master → slave                  32 bytes: HMAC-SHA-256
 *     hello      slave → master                                       facts
 *     welcome    master → slave                                       facts
 *     state      master → slave   value: bytes of all pieces          a piece of the state; flag `last` on the last one
 *     start      slave → master   value: position to begin at         nothing
 *     log        master → slave   value: position of the first byte   committed u64, end u64, whole batches and pads, each begun at a multiple of 64;
 *                                                                     flag `old`: read from files
 *     ack        slave → master   value: received                     flushed u64
 *     error      either           id: number of the error table       why, printable ASCII
 *     offsets    slave → master   id: a number of its own             offsets that were committed at the slave, MessagePack
 *     ask        either           id: a number of its own, value:      bytes u64
 *                                 a position
 *     bytes      either           id: as in `ask`, value: position    a piece of whole batches and pads; flag `last` on the last one
 *     taken      master → slave   id: as in `offsets`, value: the     nothing
 *                                 log below it has what counts of them
 *
 * Facts, of whoever sends them:
 *
 *        0               8               16        20     21    22   23       24             32          36        40          48          56
 *        ┌───────────────┬───────────────┬─────────┬──────┬─────┬────┬────────┬──────────────┬───────────┬─────────┬───────────┬───────────┐
 *      0 │ start u64     │ end u64       │ span u32│ flags│ name│ set│ cluster│ broker id    │ epochs u32│ epoch   │ begin u64 │ committed │
 *        └───────────────┴───────────────┴─────────┴──────┴─────┴────┴────────┴──────────────┴───────────┴─────────┴───────────┴───────────┘
 *     56   epochs, 24 bytes each: position u64, time u64, epoch u32, zero u32; oldest first
 *          the texts of name, set and cluster, printable ASCII, as long as their three bytes say
 */
import { readUint32, readUint64, writeUint32, writeUint64 } from './batch-layout.js';
import { makeFrame } from './frame-header.js';
import { FRAME, FRAME_HEADER_BYTES } from './frame-layout.js';

export const REPLICA_SUBPROTOCOL = 'ringmq.replica.v1';
export const REPLICA_VERSION = 1;

export const REPLICA_OPCODE = {
  nonce: 1,
  challenge: 2,
  proof: 3,
  hello: 4,
  welcome: 5,
  state: 6,
  start: 7,
  log: 8,
  ack: 9,
  error: 10,
  offsets: 11,
  taken: 12,
  ask: 13,
  bytes: 14,
} as const;

/** On `state`, `bytes`: nothing of it follows. */
export const REPLICA_FLAG_LAST = 1 << 0;
/** On `taken`: not now; it is to be handed over again later. */
export const REPLICA_FLAG_LATER = 1 << 0;
/** On `log`: the master has it only in files. */
export const REPLICA_FLAG_OLD = 1 << 0;

export const NONCE_BYTES = 32;
export const PROOF_BYTES = 32;
/** What a frame may have before its sender has proved who it is. */
export const PROOF_FRAME_LIMIT_BYTES = 4 * 1024;
export const EPOCHS_LIMIT = 4_096;
export const FACTS_LIMIT_BYTES = 56 + EPOCHS_LIMIT * 24 + 3 * 255 + 8;
/** A piece of the state. */
export const STATE_PIECE_BYTES = 256 * 1024;
/** A log frame is cut at the batch with which it comes to this; one larger batch, or pad, is a frame of its own, so the span bounds it. */
export const LOG_FRAME_BYTES = 512 * 1024;
/** Before the bytes of a log frame: its header, committed, end. */
export const LOG_FRAME_HEADER_BYTES = FRAME_HEADER_BYTES + 16;
/** A piece of what is sent in the place of damage. */
export const REPAIR_PIECE_BYTES = 64 * 1024;
/** Of offsets that are handed over, in one frame. */
export const HELD_FRAME_BYTES = 64 * 1024;
const MAX_ERROR_BYTES = 1_024;
const FACTS_BYTES = 56;
const EPOCH_BYTES = 24;
const ID_BYTES = 8;

/** A master's term, and where in the log it began. */
export interface ReplicaEpoch {
  readonly epoch: number;
  readonly position: number;
  /** Milliseconds since 1970: tells two terms apart that got one number. */
  readonly time: number;
}

export const FACT_FLAG = {
  /** Of a slave: it has no log yet, and takes any. */
  isNew: 1 << 0,
  /** Of a master: it acks what is on disk. */
  syncFlush: 1 << 1,
  /** Of a master: it waits for slaves. */
  syncReplication: 1 << 2,
  /** Of a master: the state comes before the log. */
  hasState: 1 << 3,
} as const;

/** What one side says of itself and of its log. */
export interface ReplicaFacts {
  /** First and next byte of its log. */
  start: number;
  end: number;
  /** No batch crosses a multiple of it; 0: there is no log yet. */
  spanBytes: number;
  /** Bits of {@link FACT_FLAG}. */
  flags: number;
  /** 16 hexadecimal digits, the identity of the log. */
  brokerId: string;
  /** The highest it knows. */
  epoch: number;
  epochs: readonly ReplicaEpoch[];
  /** Of a master: where the slave is to begin. */
  begin: number;
  /** Of a master: up to where its log is committed. */
  committed: number;
  name: string;
  set: string;
  cluster: string;
  /** Of a slave, in its hello: the opening of its directory, 16 hexadecimal digits; left out by one that does not say it. */
  opening?: string | undefined;
}

export function encodeFacts(opcode: number, facts: ReplicaFacts): Uint8Array {
  const texts = [facts.name, facts.set, facts.cluster].map((text) => asciiBytes(text, 255));
  const epochs = facts.epochs.slice(-EPOCHS_LIMIT);
  const textsAt = FACTS_BYTES + epochs.length * EPOCH_BYTES;
  const openingAt = texts.reduce((sum, text) => sum + text.length, textsAt);
  const bytes = new Uint8Array(openingAt + (facts.opening === undefined ? 0 : ID_BYTES));
  writeUint64(bytes, 0, facts.start);
  writeUint64(bytes, 8, facts.end);
  writeUint32(bytes, 16, facts.spanBytes);
  bytes[20] = facts.flags;
  for (const [i, text] of texts.entries()) {
    bytes[21 + i] = text.length;
  }
  bytes.set(idBytes(facts.brokerId), 24);
  bytes.set(idBytes(facts.opening ?? ''), openingAt);
  writeUint32(bytes, 32, epochs.length);
  writeUint32(bytes, 36, facts.epoch);
  writeUint64(bytes, 40, facts.begin);
  writeUint64(bytes, 48, facts.committed);
  for (const [i, { epoch, position, time }] of epochs.entries()) {
    const at = FACTS_BYTES + i * EPOCH_BYTES;
    writeUint64(bytes, at, position);
    writeUint64(bytes, at + 8, time);
    writeUint32(bytes, at + 16, epoch);
  }
  let at = textsAt;
  for (const text of texts) {
    bytes.set(text, at);
    at += text.length;
  }
  return makeFrame(opcode, 0, { payload: bytes });
}

/** The facts in a hello or welcome frame; null when it does not hold together. */
export function decodeFacts(frame: Uint8Array): ReplicaFacts | null {
  const bytes = frame.subarray(FRAME_HEADER_BYTES);
  if (bytes.length < FACTS_BYTES || bytes.length > FACTS_LIMIT_BYTES) {
    return null;
  }
  const count = readUint32(bytes, 32);
  const lengths = [bytes[21], bytes[22], bytes[23]] as [number, number, number];
  const textsAt = FACTS_BYTES + count * EPOCH_BYTES;
  const openingAt = textsAt + lengths[0] + lengths[1] + lengths[2];
  const hasOpening = openingAt + ID_BYTES === bytes.length;
  if (count > EPOCHS_LIMIT || (openingAt !== bytes.length && !hasOpening)) {
    return null;
  }
  const epochs: ReplicaEpoch[] = [];
  for (let at = FACTS_BYTES; at < textsAt; at += EPOCH_BYTES) {
    const epoch = {
      epoch: readUint32(bytes, at + 16),
      position: readUint64(bytes, at),
      time: readUint64(bytes, at + 8),
    };
    const last = epochs.at(-1);
    const rises = last === undefined || (epoch.epoch > last.epoch && epoch.position >= last.position);
    if (!rises || !isPosition(epoch.position) || !Number.isSafeInteger(epoch.time)) {
      return null;
    }
    epochs.push(epoch);
  }
  const texts = textsOf(bytes, textsAt, lengths);
  const [start, end, begin, committed] = [0, 8, 40, 48].map((at) => readUint64(bytes, at)) as [
    number,
    number,
    number,
    number,
  ];
  const spanBytes = readUint32(bytes, 16);
  const isSound = [start, end, begin, committed].every(isPosition) && start <= end && isSpan(spanBytes);
  if (texts === null || !isSound) {
    return null;
  }
  const [name, set, cluster] = texts;
  return {
    start,
    end,
    spanBytes,
    flags: bytes[20] as number,
    brokerId: idText(bytes, 24),
    epoch: readUint32(bytes, 36),
    epochs,
    begin,
    committed,
    name,
    set,
    cluster,
    ...(hasOpening ? { opening: idText(bytes, openingAt) } : {}),
  };
}

function idBytes(id: string): number[] {
  return (id.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
}

function idText(bytes: Uint8Array, at: number): string {
  return [...bytes.subarray(at, at + ID_BYTES)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function textsOf(
  bytes: Uint8Array,
  from: number,
  lengths: readonly number[],
): [string, string, string] | null {
  const texts: string[] = [];
  let at = from;
  for (const length of lengths) {
    let text = '';
    for (const end = at + length; at < end; at++) {
      const char = charOf(bytes[at] as number);
      if (char === null) {
        return null;
      }
      text += char;
    }
    texts.push(text);
  }
  return texts as [string, string, string];
}

/** Printable ASCII; what is not becomes a question mark. */
function asciiBytes(text: string, most: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(text.length, most));
  for (let i = 0; i < bytes.length; i++) {
    const code = text.charCodeAt(i);
    bytes[i] = code >= 0x20 && code < 0x7f ? code : 0x3f;
  }
  return bytes;
}

function charOf(byte: number): string | null {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : null;
}

/** A place where a batch may begin. */
export function isPosition(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value % 64 === 0;
}

function isSpan(value: number): boolean {
  return value === 0 || (value >= 128 && value <= 2 ** 26 && Number.isInteger(Math.log2(value)));
}

export function ackFrame(received: number, flushed: number): Uint8Array {
  const payload = new Uint8Array(8);
  writeUint64(payload, 0, flushed);
  return makeFrame(REPLICA_OPCODE.ack, 0, { value: received, payload });
}

export function replicaErrorFrame(wire: number, why: string): Uint8Array {
  const payload = asciiBytes(why, MAX_ERROR_BYTES);
  return makeFrame(REPLICA_OPCODE.error, wire, { payload });
}

/** The text of an error frame, whatever it is. */
export function replicaErrorText(frame: Uint8Array): string {
  let text = '';
  for (let at = FRAME_HEADER_BYTES; at < Math.min(frame.length, FRAME_HEADER_BYTES + MAX_ERROR_BYTES); at++) {
    text += charOf(frame[at] as number) ?? '?';
  }
  return text;
}

/** What is wrong with a frame's shape, for its opcode; null: nothing. `maxLogBytes`: of a log frame, its headers included. */
export function replicaFrameFault(frame: Uint8Array, maxLogBytes: number): string | null {
  if (frame.length < FRAME_HEADER_BYTES) {
    return `a frame of ${frame.length} bytes has no header`;
  }
  const opcode = frame[FRAME.opcode] as number;
  const bounds = BOUNDS[opcode];
  if (bounds === undefined) {
    return `there is no opcode ${opcode}`;
  }
  const [least, most] = bounds;
  const bytes = frame.length - FRAME_HEADER_BYTES;
  const limit = opcode === REPLICA_OPCODE.log ? maxLogBytes - FRAME_HEADER_BYTES : most;
  if (bytes < least || bytes > limit) {
    return `a frame of opcode ${opcode} has ${least} to ${limit} bytes behind its header, not ${bytes}`;
  }
  if (!Number.isSafeInteger(readUint64(frame, FRAME.value))) {
    return 'its value is too large';
  }
  if ((frame[FRAME.zero] as number) !== 0 || (frame[FRAME.zero + 1] as number) !== 0) {
    return 'bytes 2 and 3 are not zero';
  }
  return null;
}

/** Bytes behind the header: least and most. */
const BOUNDS: Readonly<Record<number, readonly [number, number]>> = {
  [REPLICA_OPCODE.nonce]: [NONCE_BYTES, NONCE_BYTES],
  [REPLICA_OPCODE.challenge]: [NONCE_BYTES, NONCE_BYTES],
  [REPLICA_OPCODE.proof]: [PROOF_BYTES, PROOF_BYTES],
  [REPLICA_OPCODE.hello]: [FACTS_BYTES, FACTS_LIMIT_BYTES],
  [REPLICA_OPCODE.welcome]: [FACTS_BYTES, FACTS_LIMIT_BYTES],
  [REPLICA_OPCODE.state]: [0, STATE_PIECE_BYTES],
  [REPLICA_OPCODE.start]: [0, 0],
  [REPLICA_OPCODE.log]: [16, 0],
  [REPLICA_OPCODE.ack]: [8, 8],
  [REPLICA_OPCODE.error]: [0, MAX_ERROR_BYTES],
  [REPLICA_OPCODE.offsets]: [1, HELD_FRAME_BYTES],
  [REPLICA_OPCODE.taken]: [0, 0],
  [REPLICA_OPCODE.ask]: [8, 8],
  [REPLICA_OPCODE.bytes]: [0, REPAIR_PIECE_BYTES],
};
