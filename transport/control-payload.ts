/**
 * MessagePack payloads of control frames, in and out. What a client sent is looked over before the decoder
 * sees it, so that it cannot ask for huge arrays, deep nesting, extension types or keys that reach a
 * prototype.
 */
import { Packr, Unpackr } from 'msgpackr';
import { MAX_CONTROL_BYTES, RingMQError } from '../native-free/wire/index.js';
import { badPayload, MAX_TEXT_BYTES, type Part, PayloadInspector } from './payload-inspector.js';
import { PAYLOAD, type PayloadKind } from './payload-kinds.js';

const PACKR = new Packr({ useRecords: false, variableMapSize: true });
const UNPACKR = new Unpackr({ useRecords: false, copyBuffers: true, int64AsType: 'number' });
const NIL = Uint8Array.of(0xc0);

/** Encodes a map. Throws INTERNAL when it is larger than a control payload may be. */
export function encodeControl(value: object): Uint8Array {
  const bytes = PACKR.pack(value);
  if (bytes.length > MAX_CONTROL_BYTES) {
    throw new RingMQError(
      'INTERNAL',
      `the answer has ${bytes.length} bytes, more than the ${MAX_CONTROL_BYTES} of a control frame`,
      { details: { limit: MAX_CONTROL_BYTES, value: bytes.length } },
    );
  }
  return bytes;
}

/**
 * Decodes bytes `from` up to the end, which must be exactly one map with string keys. Throws BAD_FRAME.
 * Nothing of the result refers to `bytes`.
 */
export function decodeControl(bytes: Uint8Array, from: number): Record<string, unknown> {
  inspect(bytes, from, PAYLOAD.plain);
  // A copy: the decoder keeps a reference to what it last read, and socket memory goes away.
  return UNPACKR.unpack(Uint8Array.prototype.slice.call(bytes, from)) as Record<string, unknown>;
}

/** The same for a request to a name server, with texts longer than any parameter may be cut. */
export function decodeTopicsRequest(bytes: Uint8Array, from: number): Record<string, unknown> {
  return UNPACKR.unpack(withoutParts(bytes, from, inspect(bytes, from, PAYLOAD.topics))) as Record<
    string,
    unknown
  >;
}

/**
 * The same for a request to a broker: a list of queues, which may have 16,384 entries, becomes {@link
 * QueueEntries} while it is looked over, without an object for each.
 */
export function decodeQueuesRequest(bytes: Uint8Array, from: number): Record<string, unknown> {
  const inspector = inspect(bytes, from, PAYLOAD.queues);
  const request = UNPACKR.unpack(withoutParts(bytes, from, inspector)) as Record<string, unknown>;
  for (const { entries, inPositions, name } of inspector.lists) {
    const holder = inPositions ? request['positions'] : request;
    (holder as Record<string, unknown>)[name] = entries;
  }
  return request;
}

function inspect(bytes: Uint8Array, from: number, kind: PayloadKind): PayloadInspector {
  const length = bytes.length - from;
  if (length > MAX_CONTROL_BYTES) {
    throw badPayload(`it has ${length} bytes, the limit is ${MAX_CONTROL_BYTES}`, {
      limit: MAX_CONTROL_BYTES,
      value: length,
    });
  }
  const inspector = new PayloadInspector(bytes, from, kind);
  inspector.topMap();
  return inspector;
}

/** A copy, in which long texts have their first bytes only, under a head of the same width, and lists that were packed are nil. */
function withoutParts(bytes: Uint8Array, from: number, { parts }: { parts: readonly Part[] }): Uint8Array {
  if (parts.length === 0) {
    return Uint8Array.prototype.slice.call(bytes, from);
  }
  const kept: Uint8Array[] = [];
  let at = from;
  for (const part of parts) {
    kept.push(bytes.subarray(at, part.at));
    if (part.headBytes === 0) {
      kept.push(NIL);
    } else {
      const body = part.at + part.headBytes;
      kept.push(shortHead(bytes, part), bytes.subarray(body, body + MAX_TEXT_BYTES));
    }
    at = part.end;
  }
  kept.push(bytes.subarray(at));
  return Buffer.concat(kept);
}

function shortHead(bytes: Uint8Array, { at, headBytes }: Part): Uint8Array {
  const head = Uint8Array.prototype.slice.call(bytes, at, at + headBytes);
  for (let i = 1, shift = (headBytes - 2) * 8; i < headBytes; i++, shift -= 8) {
    head[i] = (MAX_TEXT_BYTES >>> shift) & 0xff;
  }
  return head;
}
