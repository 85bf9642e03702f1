/** How broker and name server show each other that they know the secret: HMAC-SHA-256 over both nonces. The secret is never sent. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { BrokerRegistration } from '../../native-free/wire/index.js';

/** 64 hexadecimal digits. */
export function newNonce(): string {
  return randomBytes(32).toString('hex');
}

/** What a broker registers with. */
export function brokerProof(
  secret: Uint8Array,
  serverNonce: string,
  { nonce, cluster, set, name, openingId }: BrokerRegistration,
): string {
  return hmac(secret, ['ringmq.register.v1', serverNonce, nonce ?? '', cluster, set, name, openingId]);
}

/** What a name server answers with. */
export function nameServerProof(secret: Uint8Array, serverNonce: string, brokerNonce: string): string {
  return hmac(secret, ['ringmq.nameserver.v1', serverNonce, brokerNonce]);
}

/** Takes as long whatever differs. */
export function isProof(given: string | undefined, expected: string): boolean {
  const [a, b] = [Buffer.from(given ?? ''), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function hmac(secret: Uint8Array, lines: readonly string[]): string {
  return createHmac('sha256', secret).update(lines.join('\n')).digest('hex');
}
