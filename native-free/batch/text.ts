/** UTF-8 without garbage: short ASCII is written byte by byte, the rest by the platform's encoder. */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Up to this many characters a loop beats the view and the call that `encodeInto` needs. */
const SHORT_TEXT = 32;

/** Bytes of `text` in UTF-8; a lone surrogate counts as U+FFFD, which is what the encoder writes. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      continue;
    }
    if (unit < 0x800) {
      bytes += 1;
    } else if (
      unit >= 0xd800 &&
      unit < 0xdc00 &&
      i + 1 < text.length &&
      isLowSurrogate(text.charCodeAt(i + 1))
    ) {
      // Two units, four bytes.
      bytes += 2;
      i++;
    } else {
      bytes += 2;
    }
  }
  return bytes;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

/** Writes `text` at `at` and returns the bytes written. The caller has made sure of `3 * text.length` bytes, or of `utf8Length`. */
export function writeUtf8(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length;
  if (length <= SHORT_TEXT) {
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) {
        break;
      }
      bytes[at + i] = unit;
    }
    if (i === length) {
      return length;
    }
  }
  return encoder.encodeInto(text, bytes.subarray(at)).written;
}

/** Text of the bytes from `start` to `end`; malformed UTF-8 becomes U+FFFD. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length <= SHORT_TEXT) {
    let text = '';
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte > 0x7f) {
        break;
      }
      text += String.fromCharCode(byte);
    }
    if (at === end) {
      return text;
    }
  }
  return decoder.decode(bytes.subarray(start, end));
}

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}
