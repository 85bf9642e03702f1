/** Values that nothing can be read of any more, and one that others may change. */

/** Bytes whose memory has been handed to somebody else. */
export function detachedBytes(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

export function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** Bytes whose memory other threads may write; a page has it by this way alone. */
export function sharedBytes(): Uint8Array {
  return new Uint8Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer, 8, 4);
}
