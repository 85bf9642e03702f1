/** A client for another thread of the process that opened the broker. */

import { setImmediate } from 'node:timers';
import { threadId } from 'node:worker_threads';
import type { BrokerHandle } from '../engine/handle.js';
import { attachThread } from '../engine/thread/attach-thread.js';
import {
  type CallOptions,
  type Client,
  takeCallOptions,
  throwIfAborted,
} from '../native-free/client/internal.js';
import { SessionHost } from '../transport/session-host.js';
import { defectTeller } from './defects.js';
import { embeddedClient } from './embedded-client.js';

/**
 * Gives the calling thread a client that writes into the broker's rings itself, without a hop. `handle` is
 * what `broker.handle()` returned, sent to this thread by `postMessage` or `workerData`. `client.close()`
 * gives the seat back. When the broker is closed, so is the client: calls reject with `CLOSED`, loops end.
 * @throws RingMQError ABORTED, BAD_ARGUMENT (not a handle), BROKER_CLOSED, BROKER_BUSY (no seat left)
 */
export async function attach(handle: BrokerHandle, options?: CallOptions): Promise<Client> {
  const { signal } = takeCallOptions('attach', options);
  throwIfAborted(signal);
  const thread = attachThread(handle, `attached-${threadId}`);
  const host = new SessionHost(thread, { listener: 'embedded', onDefect: defectTeller(thread) });
  thread.onBrokerClosed(() => {
    host.close();
    setImmediate(() => void thread.close());
  });
  return embeddedClient(host, () => {
    host.close();
    return thread.close();
  });
}
