/** Batches and frames as a client makes them, written out plainly and on their own: no code of the client is used. */
import { crc32 } from 'node:zlib';
import { Packr, Unpackr } from 'msgpackr';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  BATCH_VERSION,
  FRAME,
  FRAME_HEADER_BYTES,
  makeFrame,
  OPCODE,
  RECORD,
  RECORD_FLAG,
  RECORD_HEADER_BYTES,
  readUint32,
  readUint64,
  slotAligned,
  tagBloomBit,
  writeUint16,
  writeUint32,
  writeUint64,
} from '../../native-free/wire/index.js';

export interface RecordFacts {
  body?: string;
  tag?: string;
  bornDelta?: number;
  attributes?: Uint8Array;
}

export interface BatchFacts {
  topicId?: number;
  queueId?: number;
  bornTime?: number;
  producerId?: number;
  producerEpoch?: number;
  sequence?: number;
  attributes?: number;
}

export function makeRecord({
  body,
  tag = '',
  bornDelta = 0,
  attributes = new Uint8Array(0),
}: RecordFacts): Uint8Array {
  const tagBytes = Buffer.from(tag);
  const bodyBytes = Buffer.from(body ?? '');
  const record = new Uint8Array(RECORD_HEADER_BYTES + tagBytes.length + attributes.length + bodyBytes.length);
  writeUint32(record, RECORD.length, record.length);
  writeUint32(record, RECORD.bornDelta, bornDelta);
  record[RECORD.flags] = body === undefined ? 0 : RECORD_FLAG.hasBody;
  record[RECORD.tagBytes] = tagBytes.length;
  writeUint16(record, RECORD.attributesBytes, attributes.length);
  record.set(tagBytes, RECORD_HEADER_BYTES);
  record.set(attributes, RECORD_HEADER_BYTES + tagBytes.length);
  record.set(bodyBytes, RECORD_HEADER_BYTES + tagBytes.length + attributes.length);
  return record;
}

export function makeBatch(records: RecordFacts[], facts: BatchFacts = {}): Uint8Array {
  const encoded = records.map(makeRecord);
  const length = encoded.reduce((sum, record) => sum + record.length, BATCH_HEADER_BYTES);
  const batch = new Uint8Array(length);
  let at = BATCH_HEADER_BYTES;
  for (const [i, record] of encoded.entries()) {
    batch.set(record, at);
    at += record.length;
    const tag = records[i]?.tag ?? '';
    if (tag !== '') {
      const bit = tagBloomBit(Buffer.from(tag));
      const byte = BATCH.tagBloom + (bit >> 3);
      batch[byte] = (batch[byte] as number) | (1 << (bit & 7));
    }
  }
  writeUint32(batch, BATCH.length, length);
  batch[BATCH.version] = BATCH_VERSION;
  batch[BATCH.type] = BATCH_TYPE.data;
  writeUint16(batch, BATCH.attributes, facts.attributes ?? 0);
  writeUint32(batch, BATCH.bodyCrc, crc32(batch.subarray(BATCH_HEADER_BYTES)));
  writeUint32(batch, BATCH.recordCount, records.length);
  writeUint64(batch, BATCH.bornTime, facts.bornTime ?? 0);
  writeUint64(batch, BATCH.producerId, facts.producerId ?? 0);
  writeUint32(batch, BATCH.producerEpoch, facts.producerEpoch ?? 0);
  writeUint32(batch, BATCH.sequence, facts.sequence ?? 0);
  writeUint32(batch, BATCH.topicId, facts.topicId ?? 1);
  writeUint32(batch, BATCH.queueId, facts.queueId ?? 0);
  return batch;
}

/** Each begun at a multiple of 64, the last one ending at its length. */
export function joinBatches(batches: Uint8Array[]): Uint8Array {
  const parts = batches.map((batch, i) => {
    if (i === batches.length - 1) {
      return batch;
    }
    const padded = new Uint8Array(slotAligned(batch.length));
    padded.set(batch);
    return padded;
  });
  return Buffer.concat(parts);
}

export function produceFrame(id: number, ...batches: Uint8Array[]): Uint8Array {
  return makeFrame(OPCODE.produce, id, { payload: joinBatches(batches) });
}

const PACKR = new Packr({ useRecords: false, variableMapSize: true });
const UNPACKR = new Unpackr({ useRecords: false });

export function controlFrame(opcode: number, id: number, payload: object): Uint8Array {
  return makeFrame(opcode, id, { payload: PACKR.pack(payload) });
}

export function helloFrame(changes: object = {}): Uint8Array {
  return controlFrame(OPCODE.hello, 0, { version: 1, features: [], client: 'test', ...changes });
}

export function requestFrame(id: number, method: string, params: object = {}): Uint8Array {
  return controlFrame(OPCODE.request, id, { method, ...params });
}

export interface ParsedFrame {
  opcode: number;
  flags: number;
  id: number;
  value: number;
  payload: Uint8Array;
}

export function parseFrame(bytes: Uint8Array): ParsedFrame {
  return {
    opcode: bytes[FRAME.opcode] as number,
    flags: bytes[FRAME.flags] as number,
    id: readUint32(bytes, FRAME.id),
    value: readUint64(bytes, FRAME.value),
    payload: bytes.subarray(FRAME_HEADER_BYTES),
  };
}

export function decodePayload(frame: ParsedFrame): Record<string, unknown> {
  return UNPACKR.unpack(Uint8Array.from(frame.payload)) as Record<string, unknown>;
}
