/** Bytes as they are, not as their class says: a subclass may give any length, and shared memory grows while it is read. */

const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);
// Asked for once: called like this they are compiled in.
const lengthOf = getterOf<number>(typedArray, 'length');
const typedViews = gettersOf(typedArray);
const dataViews = gettersOf(DataView.prototype);
/** Called like this the method is known beforehand; as a property of the bytes it is looked up each time. */
const copyInto = Uint8Array.prototype.set;

type Getter<T> = (this: unknown) => T;

function getterOf<T>(prototype: object, name: string): Getter<T> {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as Getter<T>;
}

function gettersOf(prototype: object) {
  return {
    buffer: getterOf<ArrayBufferLike>(prototype, 'buffer'),
    byteOffset: getterOf<number>(prototype, 'byteOffset'),
    byteLength: getterOf<number>(prototype, 'byteLength'),
  };
}

/** Bytes that are there now; 0 where the buffer has gone. Throws for what only passes itself off as bytes, a proxy for instance. */
export function byteCount(bytes: Uint8Array): number {
  return lengthOf.call(bytes);
}

/**
 * The same, and 0 for what only passes itself off as bytes. What the bytes say of themselves is asked first, and not
 * relied on: with it the compiler knows what they are, and the true answer costs nothing. A subclass may run anything
 * of its own there.
 */
export function byteCountOrNone(bytes: Uint8Array): number {
  try {
    return bytes.length > 0 ? lengthOf.call(bytes) : 0;
  } catch {
    return 0;
  }
}

/** What any view shows, as bytes. Throws where its buffer has gone, and for what is no view. */
export function viewedBytes(view: ArrayBufferView): Uint8Array {
  const { buffer, byteOffset, byteLength } = view instanceof DataView ? dataViews : typedViews;
  return new Uint8Array(buffer.call(view), byteOffset.call(view), byteLength.call(view));
}

/** Copies the first `count` bytes. There may be more by now than were counted. */
export function copyBytes(target: Uint8Array, at: number, bytes: Uint8Array, count: number): void {
  if (lengthOf.call(bytes) === count) {
    try {
      copyInto.call(target, bytes, at);
      return;
    } catch {
      // Another thread made it larger in this moment.
    }
  }
  const { buffer, byteOffset } = typedViews;
  copyInto.call(target, new Uint8Array(buffer.call(bytes), byteOffset.call(bytes), count), at);
}
