/** Thread that writes records to a memory topic of the broker its host opened. */
import { parentPort, workerData } from 'node:worker_threads';
import { attach, type BrokerHandle } from '../../broker/index.js';

const { handle, topic, count, bodyBytes } = workerData as {
  handle: BrokerHandle;
  topic: string;
  count: number;
  bodyBytes: number;
};
const client = await attach(handle);
const producer = client.producer({ group: 'bench' });
const message = { topic, body: new Uint8Array(bodyBytes).fill(120) };
for (let sent = 0; sent < count; sent++) {
  if (!producer.write(message)) {
    await producer.ready();
  }
}
await producer.flush();
await client.close();
parentPort?.postMessage('done');
