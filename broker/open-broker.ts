/** `openBroker`: a broker in this process, with clients on this thread. */
import type { EngineOptions } from '../engine/options.js';
import type { CallOptions } from '../native-free/client/internal.js';
import type { Broker, BrokerEvents } from './broker.js';
import { EmbeddedClients } from './embedded-clients.js';
import { openBrokerAs } from './open-broker-as.js';

/**
 * Opens (or makes) a data directory and starts a broker on it. No socket is opened unless `listen()` is
 * called. When `signal` is aborted meanwhile, what has been opened is closed again.
 * @throws RingMQError ABORTED, NOT_SUPPORTED (bundled into one file), NOT_MASTER (name servers know another
 * master of its set, with another log), BAD_CONFIG, BAD_ARGUMENT (a `controller`, and a `role` or `master`
 * that it decides), DATA_DIR_LOCKED (another process has it), LOG_CORRUPT, DISK_FULL, DISK_FAILED
 */
export function openBroker(options: EngineOptions & BrokerEvents & CallOptions = {}): Promise<Broker> {
  return openBrokerAs(options, {}, (thread) => new EmbeddedClients(thread));
}
