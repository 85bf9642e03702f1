/** What this platform has of cryptography, wherever it keeps it. */

interface OfNode {
  process?: { getBuiltinModule?(name: string): { webcrypto: Crypto } | undefined };
}

/**
 * The global one; Node's module where a program runs without the global (`--no-experimental-global-webcrypto`, environments of tests that
 * stand for a page). A page that comes without https has no `subtle`.
 */
export function cryptography(): Crypto {
  const { crypto, process } = globalThis as { crypto?: Crypto } & OfNode;
  if (crypto?.subtle !== undefined) {
    return crypto;
  }
  return process?.getBuiltinModule?.('crypto')?.webcrypto ?? (crypto as Crypto);
}

/** So many random words of 32 bits. */
export function randomWords(count: number): Uint32Array {
  return cryptography().getRandomValues(new Uint32Array(count));
}
