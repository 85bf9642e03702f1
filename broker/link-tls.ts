/**
 * Whom this broker trusts, and as whom it comes, on its own connections to others of the cluster: its master, name servers, other sets. The files are
 * read for each connection that is made, so that new ones count from the next one on.
 */

import type { LinkTlsOptions } from '../engine/options.js';
import type { TlsOptions } from '../native-free/client/internal.js';
import { MAX_PEM_BYTES, readSmallFile } from '../native-free/files/small-file.js';
import { RingMQError } from '../native-free/wire/index.js';

/** undefined: the address is none of TLS, or Node's own trust is meant. @throws RingMQError BAD_CONFIG for a file that cannot be read */
export function linkTlsTo(url: string, options: LinkTlsOptions | undefined): TlsOptions | undefined {
  if (options === undefined || !/^wss:/i.test(url)) {
    return undefined;
  }
  const { caFile, certFile, keyFile, servername } = options;
  return {
    ...(caFile === undefined ? {} : { ca: read(caFile) }),
    ...(certFile === undefined ? {} : { cert: read(certFile) }),
    ...(keyFile === undefined ? {} : { key: read(keyFile) }),
    ...(servername === undefined ? {} : { servername }),
  };
}

function read(file: string): Buffer {
  try {
    return readSmallFile(file, MAX_PEM_BYTES);
  } catch (cause) {
    throw new RingMQError(
      'BAD_CONFIG',
      `cannot read the TLS file ${file} of \`linkTls\`: ${(cause as Error).message}`,
      { cause, details: { file } },
    );
  }
}
