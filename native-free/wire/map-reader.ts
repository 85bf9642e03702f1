/** MessagePack of which keys are names that others gave, as of a message's properties. */
import { Unpackr } from 'msgpackr';

const HOW = { useRecords: false, copyBuffers: true, int64AsType: 'number' } as const;
const UNPACKR = new Unpackr(HOW);
/** Slower, and rarely needed. */
const AS_MAPS = new Unpackr({ ...HOW, mapsAsObjects: false });
/** The library's reader of objects calls this key otherwise, so as not to set a prototype. */
const PROTO = '__proto__';
const PROTO_BYTES = Uint8Array.from(PROTO, (character) => character.charCodeAt(0));

/** The value that the bytes are of, all of them. Maps are objects, and each key is one of them, whatever it is. */
export function unpackValue(bytes: Uint8Array): unknown {
  return mayHaveProto(bytes) ? asObjects(AS_MAPS.unpack(bytes)) : UNPACKR.unpack(bytes);
}

function mayHaveProto(bytes: Uint8Array): boolean {
  const [first = 0] = PROTO_BYTES;
  for (let at = bytes.indexOf(first); at !== -1; at = bytes.indexOf(first, at + 1)) {
    if (PROTO_BYTES.every((byte, i) => bytes[at + i] === byte)) {
      return true;
    }
  }
  return false;
}

function asObjects(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(asObjects);
  }
  if (!(value instanceof Map)) {
    return value;
  }
  const object: Record<string, unknown> = {};
  for (const [name, part] of value) {
    setOwn(object, String(name), asObjects(part));
  }
  return object;
}

/** As `object[name] = value` is for every name but `__proto__`, which would be the object's prototype. */
export function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === PROTO) {
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  } else {
    object[name] = value;
  }
}
