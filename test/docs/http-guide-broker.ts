/** The broker of the guide's examples: on a thread of its own, as those who run them wait for them. */
import { parentPort, workerData } from 'node:worker_threads';
import { openBroker } from '../../broker/index.js';

const broker = await openBroker({
  dataDir: `${workerData as string}/data`,
  ringBytes: 16 * 1024 * 1024,
  memoryRingBytes: 32 * 1024 * 1024,
  segmentBytes: 16 * 1024 * 1024,
});
const { port } = await broker.listen({ port: 0, threads: 1 });
parentPort?.postMessage(port);
parentPort?.once('message', () => void broker.close());
