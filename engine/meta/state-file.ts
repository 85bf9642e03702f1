/**
 * `meta/state`: what the control batches of the log add up to, as of a place in it. Frames: a map that says
 * what it is, arrays of records as in a control batch, and a map that ends it. Replaced as a whole, so that
 * what is there was whole once.
 */

import { SLOT_BYTES } from '../../native-free/wire/index.js';
import { type Disk, readWholeFile } from '../disk/disk.js';
import type { ControlRecord } from './control-records.js';
import {
  concat,
  corruptFile,
  FRAME_HEADER_BYTES,
  frameOf,
  mapFrame,
  payloadAt,
  unknownFormat,
  unpackMap,
} from './frames.js';
import { MetaState } from './meta-state.js';
import { decodeRecords, encodeInPieces } from './record-codec.js';
import { STATE_FILE } from './write-state.js';

const STATE_FORMAT = 1;
/** Far above what the limits on topics, groups and queues allow; a larger file is not one of ours. */
const MAX_STATE_BYTES = 1024 * 1024 * 1024;
/** Records of one frame. */
const FRAME_BYTES = 256 * 1024;

/** A state, and the place in the log from which on control batches are still to be applied to it. */
export interface StoredState {
  readonly state: MetaState;
  /** Log position in bytes. What lies below it is in the state; of what lies behind it something may be. */
  readonly position: number;
}

/** A file's bytes. */
export function encodeState(records: Iterable<ControlRecord>, position: number): Uint8Array {
  const frames = [mapFrame({ type: 'state', format: STATE_FORMAT, position })];
  let count = 0;
  for (const piece of encodeInPieces(records, FRAME_BYTES)) {
    frames.push(frameOf(piece.bytes));
    count += piece.count;
  }
  frames.push(mapFrame({ type: 'end', records: count }));
  return concat(frames);
}

/** What is stored in `dir`; null when there is nothing. @throws RingMQError LOG_CORRUPT naming file and byte, NOT_SUPPORTED, disk errors */
export function readState(disk: Disk, dir: string): StoredState | null {
  const path = `${dir}/${STATE_FILE}`;
  const bytes = readWholeFile(disk, path, MAX_STATE_BYTES);
  return bytes === undefined ? null : decodeState(bytes, path);
}

/** What {@link encodeState} made. `path` is for errors. @throws RingMQError LOG_CORRUPT, NOT_SUPPORTED */
export function decodeState(bytes: Uint8Array, path: string): StoredState {
  const state = new MetaState();
  let position = -1;
  let records = 0;
  let at = 0;
  while (at < bytes.length) {
    const payload = payloadAt(bytes, at);
    if (payload === null) {
      throw corruptFile(path, at, 'the snapshot of the state is damaged or cut short');
    }
    if (position < 0) {
      position = positionOf(payload, path);
    } else if (isArray(payload)) {
      records += applyAll(state, payload, path, at);
    } else {
      const end = unpackMap(payload);
      if (
        end['type'] !== 'end' ||
        end['records'] !== records ||
        at + FRAME_HEADER_BYTES + payload.length !== bytes.length
      ) {
        throw corruptFile(
          path,
          at,
          `the snapshot of the state does not end after ${records} records as it should`,
        );
      }
      return { state, position };
    }
    at += FRAME_HEADER_BYTES + payload.length;
  }
  throw corruptFile(path, at, 'the snapshot of the state is cut short');
}

function positionOf(payload: Uint8Array, path: string): number {
  const { type, format, position } = unpackMap(payload);
  if (type !== 'state') {
    throw corruptFile(path, 0, 'this is not a snapshot of the state');
  }
  if (format !== STATE_FORMAT) {
    throw unknownFormat(path, format, STATE_FORMAT);
  }
  if (
    !Number.isSafeInteger(position) ||
    (position as number) < 0 ||
    (position as number) % SLOT_BYTES !== 0
  ) {
    throw corruptFile(path, 0, 'the snapshot of the state is of no place in the log');
  }
  return position as number;
}

/** MessagePack's arrays begin with these bytes, maps with others. */
function isArray(payload: Uint8Array): boolean {
  const first = payload[0] as number;
  return (first & 0xf0) === 0x90 || first === 0xdc || first === 0xdd;
}

function applyAll(state: MetaState, payload: Uint8Array, path: string, at: number): number {
  try {
    const records = decodeRecords(payload, null);
    for (const record of records) {
      state.apply(record);
    }
    return records.length;
  } catch (error) {
    throw corruptFile(path, at, error instanceof Error ? error.message : String(error));
  }
}
