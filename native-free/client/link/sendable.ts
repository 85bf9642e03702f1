/** What may travel in a control frame. Anything else would become an extension of MessagePack, which the other side refuses. */
import { RingMQError, setOwn } from '../../wire/index.js';

/** As deep as the other side reads. */
const MAX_DEPTH = 16;

/**
 * The value without its undefined parts. Throws `BAD_ARGUMENT` that names the part for what cannot travel:
 * functions, symbols, BigInts, dates, maps, errors and other objects that are no plain ones.
 */
export function sendable(value: unknown, path: string, depth = 0): unknown {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value;
    case 'object':
      break;
    default:
      throw cannotTravel(path, typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`);
  }
  if (value === null || value instanceof Uint8Array) {
    return value;
  }
  if (depth >= MAX_DEPTH) {
    throw new RingMQError('BAD_ARGUMENT', `${path} is nested deeper than ${MAX_DEPTH}`, {
      details: { option: path, limit: MAX_DEPTH },
    });
  }
  if (Array.isArray(value)) {
    return value.map((entry, i) => sendable(entry, `${path}[${i}]`, depth + 1));
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  // A plain object of another realm has another `Object.prototype`, which has no prototype either.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw cannotTravel(path, `a ${(value as object).constructor?.name ?? 'object of a class'}`);
  }
  const copy: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(value)) {
    if (part !== undefined) {
      setOwn(copy, name, sendable(part, path === '' ? name : `${path}.${name}`, depth + 1));
    }
  }
  return copy;
}

function cannotTravel(path: string, what: string): RingMQError {
  return new RingMQError('BAD_ARGUMENT', `${path} cannot be sent: it is ${what}`, {
    details: { option: path },
  });
}
