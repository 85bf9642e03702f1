/** What a listener's TLS is made of, read from its files: at the start, and each time that they change. */
import { constants } from 'node:crypto';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { readPem } from './listen-errors.js';
import type { ListenerTls } from './types.js';

/** Older versions are broken, whatever the process was started with. */
export const MIN_TLS_VERSION = 'TLSv1.2';

/** Throws BAD_CONFIG for a file that cannot be read. */
export function secureOptionsOf({ certFile, keyFile, clientCaFile }: ListenerTls): SecureContextOptions {
  return {
    cert: readPem(certFile),
    key: readPem(keyFile),
    minVersion: MIN_TLS_VERSION,
    ...(clientCaFile === undefined
      ? {}
      : {
          ca: readPem(clientCaFile),
          // A session that is taken up again is one whose certificate was looked at before: under the authorities of then.
          secureOptions: constants.SSL_OP_NO_TICKET,
        }),
  };
}

/** Whether clients are asked for a certificate. One that has none may log in otherwise, unless it is required. */
export function clientOptionsOf({ clientCaFile, clientCert }: ListenerTls): TlsOptions {
  return clientCaFile === undefined
    ? {}
    : { requestCert: true, rejectUnauthorized: clientCert === 'required' };
}
