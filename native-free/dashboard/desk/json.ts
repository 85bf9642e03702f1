/**
 * Calls and answers as JSON, for a dashboard behind a host's own server. What JSON has not is an object of one
 * name that begins with `$`: bytes `{"$bytes": base64}`, numbers like infinity `{"$number": "Infinity"}`. A name
 * that somebody else has given and that begins so gets another `$` before it: a message may have a property of
 * any name.
 */

const MARK = '$';
const BYTES = `${MARK}bytes`;
const NUMBER = `${MARK}number`;
/** Characters of one piece that is made into base64. */
const PIECE_BYTES = 0x8000;

export function toJson(value: unknown): string {
  return JSON.stringify(encoded(value));
}

/** Throws a SyntaxError for what is no JSON, and for bytes that are no base64. */
export function fromJson(text: string): unknown {
  return decoded(JSON.parse(text));
}

function encoded(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return { [NUMBER]: String(value) };
  }
  if (value instanceof Uint8Array) {
    return { [BYTES]: base64Of(value) };
  }
  if (value instanceof Date || !isObject(value)) {
    return value;
  }
  return Array.isArray(value)
    ? value.map(encoded)
    : Object.fromEntries(
        Object.entries(value).map(([name, each]) => [
          name.startsWith(MARK) ? MARK + name : name,
          encoded(each),
        ]),
      );
}

function decoded(value: unknown): unknown {
  if (!isObject(value)) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map(decoded);
  }
  const entries = Object.entries(value);
  const [[name, only] = ['', null]] = entries;
  if (entries.length === 1 && typeof only === 'string' && name === BYTES) {
    return bytesOf(only);
  }
  if (entries.length === 1 && typeof only === 'string' && name === NUMBER) {
    return Number(only);
  }
  return Object.fromEntries(
    entries.map(([each, held]) => [each.startsWith(MARK + MARK) ? each.slice(1) : each, decoded(held)]),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    text += String.fromCharCode(...bytes.subarray(at, at + PIECE_BYTES));
  }
  return btoa(text);
}

function bytesOf(base64: string): Uint8Array {
  let text: string;
  try {
    text = atob(base64);
  } catch {
    throw new SyntaxError('bytes are not in base64');
  }
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
