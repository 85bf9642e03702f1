/** Calls and answers as JSON, for a dashboard behind a host's own server: bytes are `{"$bytes": base64}`. */

const BYTES = '$bytes';
/** Characters of one piece that is made into base64. */
const PIECE_BYTES = 0x8000;

export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    each instanceof Uint8Array ? { [BYTES]: base64Of(each) } : each,
  );
}

/** Throws a SyntaxError for what is no JSON, and for bytes that are no base64. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (_key, each: unknown) => {
    const encoded = (each as Record<string, unknown> | null)?.[BYTES];
    return typeof encoded === 'string' ? bytesOf(encoded) : each;
  });
}

function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    text += String.fromCharCode(...bytes.subarray(at, at + PIECE_BYTES));
  }
  return btoa(text);
}

function bytesOf(encoded: string): Uint8Array {
  let text: string;
  try {
    text = atob(encoded);
  } catch {
    throw new SyntaxError('bytes are not in base64');
  }
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
