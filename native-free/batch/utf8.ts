/** Whether bytes are well-formed UTF-8: a text that is not would come out as another one than went in. */

/** True when the bytes from `start` to `end` are UTF-8 as RFC 3629 has it: nothing overlong, no surrogates, nothing above U+10FFFF. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  // Nearly all are ASCII: a loop of its own, small enough to be compiled into its callers.
  for (let at = start; at < end; at++) {
    if ((bytes[at] as number) > 0x7f) {
      return isUtf8Beyond(bytes, at, end);
    }
  }
  return true;
}

function isUtf8Beyond(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    const lead = bytes[at++] as number;
    if (lead < 0x80) {
      continue;
    }
    if (lead < 0xc2 || lead > 0xf4) {
      return false;
    }
    const following = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (end - at < following) {
      return false;
    }
    const next = bytes[at] as number;
    if (next < lowestSecond(lead) || next > highestSecond(lead)) {
      return false;
    }
    for (let i = 1; i < following; i++) {
      if (((bytes[at + i] as number) & 0xc0) !== 0x80) {
        return false;
      }
    }
    at += following;
  }
  return true;
}

/** The second byte's bounds: narrower behind the leads that would else be overlong, surrogates, or too high. */
function lowestSecond(lead: number): number {
  return lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
}
function highestSecond(lead: number): number {
  return lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
}
