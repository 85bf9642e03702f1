/** Whom a client's certificate is of, where a listener asks for one. */
import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from 'node:tls';
import type { ListenerTls } from './types.js';

/**
 * The name in the certificate; null: the peer has shown none, or one of another authority, or no single name is in it.
 * `by`: what of it is the name.
 */
export function certifiedUserOf(socket: unknown, by: ListenerTls['clientName']): string | null {
  const { authorized, getPeerCertificate } = socket as Partial<TLSSocket>;
  if (authorized !== true || getPeerCertificate === undefined) {
    return null;
  }
  const certificate = (socket as TLSSocket).getPeerCertificate() as Partial<
    PeerCertificate & DetailedPeerCertificate
  > | null;
  if (certificate === null || certificate.subject === undefined) {
    return null;
  }
  const name = by === 'dns' ? onlyDnsName(certificate.subjectaltname) : certificate.subject.CN;
  // Several of them are an array.
  return typeof name === 'string' && name !== '' ? name : null;
}

/** Node quotes names that have a comma or a quote in them: none that counts has. */
function onlyDnsName(names: string | undefined): string | null {
  const found = (names ?? '').split(', ').filter((name) => name.startsWith('DNS:'));
  const [only] = found;
  return found.length === 1 && only !== undefined && !names?.includes('"') ? only.slice(4) : null;
}
