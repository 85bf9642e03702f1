/**
 * The checkpoint: from where recovery must read the log, and what every derived file reflects up to there.
 * Replaced as a whole, so that after a crash either the old or the new one is there.
 *
 *        0        4        8        12       16
 *        ┌────────┬────────┬────────┬────────┬───────────────┐
 *        │ "RMQC" │ version│ length │ crc    │ MessagePack   │     little-endian; crc: CRC-32 of the MessagePack
 *        └────────┴────────┴────────┴────────┴───────────────┘
 */
import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';
import { readUint32, SLOT_BYTES, writeUint32 } from '../../native-free/wire/batch-layout.js';
import { RingMQError } from '../../native-free/wire/errors.js';
import { type Disk, readWholeFile, replaceFile } from '../disk/disk.js';

export const CHECKPOINT_FILE = 'checkpoint';
const MAGIC = 0x43514d52;
const VERSION = 1;
const HEAD_BYTES = 16;
/** A checkpoint larger than this is not one. */
export const MAX_CHECKPOINT_BYTES = 1024 * 1024;

export interface Checkpoint {
  /** Log position that all derived files reflect: recovery begins here. The beginning of a batch, or the log's end. */
  position: number;
  /** Flushed watermark when it was written; not below `position`. What is bad below it is damage, never cut. */
  flushed: number;
  /** Epoch of the broker that wrote it. */
  epoch: number;
  /** What the derived files need to be found or trusted: small values by name. */
  derived: Record<string, number | string>;
}

const packr = new Packr({ useRecords: false, copyBuffers: true });

/** Replaces the checkpoint of a data directory, durably. What it promises must be on the disk before. Throws disk errors. */
export function writeCheckpoint(disk: Disk, dataDir: string, checkpoint: Checkpoint): void {
  const wrong = whatIsWrong(checkpoint);
  if (wrong !== undefined) {
    throw new RingMQError('INTERNAL', `a checkpoint with ${wrong} is not written`);
  }
  const { position, flushed, epoch, derived } = checkpoint;
  const payload = packr.pack({ position, flushed, epoch, derived });
  const bytes = new Uint8Array(HEAD_BYTES + payload.length);
  writeUint32(bytes, 0, MAGIC);
  writeUint32(bytes, 4, VERSION);
  writeUint32(bytes, 8, payload.length);
  writeUint32(bytes, 12, crc32(payload));
  bytes.set(payload, HEAD_BYTES);
  replaceFile(disk, dataDir, CHECKPOINT_FILE, bytes);
}

/**
 * Reads the checkpoint and sees to it that it stays; null when there is none. Throws `LOG_CORRUPT` for one
 * that is damaged: without it recovery cannot tell lost data from an append that never finished. Who deletes
 * it on purpose gets a recovery from the whole log.
 */
export function readCheckpoint(disk: Disk, dataDir: string): Checkpoint | null {
  const bytes = readWholeFile(disk, `${dataDir}/${CHECKPOINT_FILE}`, MAX_CHECKPOINT_BYTES);
  if (bytes === undefined) {
    return null;
  }
  if (bytes.length < HEAD_BYTES || readUint32(bytes, 0) !== MAGIC) {
    throw damaged('it is not a checkpoint');
  }
  if (readUint32(bytes, 4) !== VERSION) {
    throw damaged(`its version is ${readUint32(bytes, 4)}, not ${VERSION}`);
  }
  const payload = bytes.subarray(HEAD_BYTES);
  if (readUint32(bytes, 8) !== payload.length) {
    throw damaged('its length is wrong');
  }
  if (readUint32(bytes, 12) !== crc32(payload)) {
    throw damaged('its checksum does not match');
  }
  const checkpoint = packr.unpack(payload) as Checkpoint;
  const wrong = whatIsWrong(checkpoint);
  if (wrong !== undefined) {
    throw damaged(`it has ${wrong}`);
  }
  // Its writer may have been killed between the rename and the directory's sync. Retention relies on it from
  // here on, so it must not give way to the one before when the power goes.
  disk.fsyncDir(dataDir);
  return checkpoint;
}

function whatIsWrong(value: Checkpoint): string | undefined {
  if (typeof value !== 'object' || value === null) {
    return 'no fields';
  }
  if (!isPlace(value.position)) {
    return 'a bad position';
  }
  if (!isPlace(value.flushed) || value.flushed < value.position) {
    return 'a bad flushed watermark';
  }
  if (!Number.isInteger(value.epoch) || value.epoch < 0 || value.epoch > 0xffffffff) {
    return 'a bad epoch';
  }
  if (typeof value.derived !== 'object' || value.derived === null) {
    return 'no list of derived files';
  }
  return undefined;
}

function isPlace(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) % SLOT_BYTES === 0;
}

function damaged(what: string): RingMQError {
  return new RingMQError('LOG_CORRUPT', `the file ${CHECKPOINT_FILE} is damaged: ${what}`, {
    details: { file: CHECKPOINT_FILE, what },
  });
}
