/**
 * An error as it goes over the wire. Whatever a client sent may stand in its message and details, so all of
 * it is cut to a size here: an answer that says no can always be sent.
 */
import { type ErrorBody, isRingMQError, makeFrame, OPCODE, RingMQError } from '../native-free/wire/index.js';
import { encodeControl } from './control-payload.js';

/** Of a message, in characters. */
const MAX_MESSAGE_CHARACTERS = 1_024;
/** Of each text in the details, keys included, in characters. */
const MAX_TEXT_CHARACTERS = 256;
/** Values in all of the details. */
const MAX_VALUES_COUNT = 128;
const MAX_DEPTH = 4;

/** What is not ours is INTERNAL, and its text stays here: it may name files. */
export function errorBody(error: unknown): ErrorBody {
  if (!isRingMQError(error)) {
    return errorBody(new RingMQError('INTERNAL'));
  }
  const body: ErrorBody = { code: error.code, message: cut(error.message, MAX_MESSAGE_CHARACTERS) };
  if (Object.keys(error.details).length > 0) {
    body.details = new DetailsCopy().map(error.details, 0);
  }
  return body;
}

/** The same, encoded. Never throws: what cannot be encoded is left out. */
export function encodeError(error: unknown): Uint8Array {
  const body = errorBody(error);
  try {
    return encodeControl(body);
  } catch {
    return encodeControl({ code: body.code, message: body.message });
  }
}

/** The frame that says it, before a connection is closed. */
export function errorFrame(error: unknown): Uint8Array {
  return makeFrame(OPCODE.error, 0, { payload: encodeError(error) });
}

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

/** Copies details value by value, and leaves out what is past the bounds. */
class DetailsCopy {
  #valuesLeft = MAX_VALUES_COUNT;

  map(from: object, depth: number): Record<string, unknown> {
    const copy: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(from)) {
      if (this.#valuesLeft <= 0) {
        break;
      }
      copy[cut(key, MAX_TEXT_CHARACTERS)] = this.#value(value, depth);
    }
    return copy;
  }

  #value(value: unknown, depth: number): unknown {
    this.#valuesLeft--;
    switch (typeof value) {
      case 'string':
        return cut(value, MAX_TEXT_CHARACTERS);
      case 'number':
      case 'boolean':
        return value;
      case 'object':
        return value === null ? null : this.#inner(value, depth);
      default:
        return null;
    }
  }

  #inner(value: object, depth: number): unknown {
    if (depth >= MAX_DEPTH) {
      return null;
    }
    if (!Array.isArray(value)) {
      return this.map(value, depth + 1);
    }
    const copy: unknown[] = [];
    for (const item of value) {
      if (this.#valuesLeft <= 0) {
        break;
      }
      copy.push(this.#value(item, depth + 1));
    }
    return copy;
  }
}
