/** Opens a broker on a worker thread, so that the test's own thread is one that attaches. */
import { parentPort, workerData } from 'node:worker_threads';
import { type BrokerHandle, type OpenBrokerOptions, openBroker } from '../../broker/index.js';

export type BrokerWorkerMessage = { type: 'open'; handle: BrokerHandle } | { type: 'closed' };

const broker = await openBroker(workerData as OpenBrokerOptions);
parentPort?.postMessage({ type: 'open', handle: broker.handle() } satisfies BrokerWorkerMessage);
parentPort?.once('message', async () => {
  await broker.close();
  parentPort?.postMessage({ type: 'closed' } satisfies BrokerWorkerMessage);
});
