/**
 * How broker and name server show each other that they know the secret, and that nobody has changed on the
 * way who is master where: HMAC-SHA-256 over both nonces and that. The secret is never sent.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type {
  BrokerRegistration,
  ClusterRoute,
  MasterInfo,
  RegistrationAnswer,
} from '../../native-free/wire/index.js';

/** 64 hexadecimal digits. */
export function newNonce(): string {
  return randomBytes(32).toString('hex');
}

/** What a broker registers with: over all that decides who is master, and where. */
export function brokerProof(
  secret: Uint8Array,
  serverNonce: string,
  { nonce, cluster, set, name, openingId, role, url, brokerId, epoch }: BrokerRegistration,
): string {
  const place = [cluster, set, name, openingId, role, url, brokerId, String(epoch)];
  return hmac(secret, ['ringmq.register.v1', serverNonce, nonce ?? '', ...place]);
}

/** What a name server answers a registration with: over who is master. */
export function registeredProof(
  secret: Uint8Array,
  serverNonce: string,
  brokerNonce: string,
  { epoch, master }: Pick<RegistrationAnswer, 'epoch' | 'master'>,
): string {
  const lines = [serverNonce, brokerNonce, String(epoch), ...linesOf(master)];
  return hmac(secret, ['ringmq.registered.v1', ...lines]);
}

/** And a question for the route: over the masters of all sets. */
export function routeProof(
  secret: Uint8Array,
  serverNonce: string,
  askerNonce: string,
  { cluster, sets }: Pick<ClusterRoute, 'cluster' | 'sets'>,
): string {
  const masters = sets.flatMap(({ set, master }) => [set, ...linesOf(master)]);
  return hmac(secret, ['ringmq.route.v1', serverNonce, askerNonce, cluster, ...masters]);
}

function linesOf(master: MasterInfo | null): string[] {
  return master === null ? ['-'] : [master.name, master.url, String(master.epoch), master.brokerId];
}

/** Takes as long whatever differs. */
export function isProof(given: string | undefined, expected: string): boolean {
  const [a, b] = [Buffer.from(given ?? ''), Buffer.from(expected)];
  return a.length > 0 && a.length === b.length && timingSafeEqual(a, b);
}

/** Empty, which proves nothing, where a line is none: two lists of lines would be one text. */
function hmac(secret: Uint8Array, lines: readonly string[]): string {
  if (lines.some((line) => typeof line !== 'string' || line.includes('\n'))) {
    return '';
  }
  return createHmac('sha256', secret).update(lines.join('\n')).digest('hex');
}
