/** Whether a broker could listen, asked before its data directory is touched: what cannot be served leaves nothing behind. */
import { createSecureContext } from 'node:tls';
import { FileKeys } from '../engine/access/token-keys.js';
import { listenAddress, probePort } from '../native-free/listener/listen-errors.js';
import { secureOptionsOf } from '../native-free/listener/tls-context.js';
import { RingMQError } from '../native-free/wire/index.js';
import { chooseListener } from '../transport/choose-listener.js';
import { readPassword } from './first-administrator.js';
import { type ListenOptions, resolveListenOptions } from './listen-options.js';

/**
 * Checks the options, reads the TLS files, takes the port and gives it back. Somebody else may take it before
 * `listen` does.
 * @throws RingMQError BAD_CONFIG, PORT_IN_USE, NOT_SUPPORTED as `broker.listen()` would
 */
export async function checkListening(given: ListenOptions): Promise<void> {
  const { host, port, listener, tls, adminPasswordFile, jwt } = resolveListenOptions(given);
  chooseListener(listener, tls?.clientCaFile !== undefined);
  if (adminPasswordFile !== undefined) {
    readPassword(adminPasswordFile);
  }
  if (jwt?.keyFile !== undefined) {
    new FileKeys(jwt.keyFile);
  }
  if (tls !== undefined) {
    const parts = secureOptionsOf(tls);
    try {
      createSecureContext(parts);
    } catch (cause) {
      throw new RingMQError(
        'BAD_CONFIG',
        `the TLS files ${tls.certFile} and ${tls.keyFile} cannot be used: ${(cause as Error).message}`,
        { cause, details: { ...tls } },
      );
    }
  }
  await probePort(await listenAddress(host, port), port, host);
}
