/** Sends by each kind of client, and prints what the broker warned of: one JSON array. `node faulty-host.js DIRECTORY`. */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { attach, openBroker } from '../../broker/index.js';
import { type Client, connect } from '../../native-free/client/index.js';
import { SMALL } from '../faults/small-broker.js';

async function send(client: Client): Promise<void> {
  await client
    .producer({ sendTimeoutMs: 300 })
    .send({ topic: 't', body: 'x' })
    .catch(() => {});
}

if (isMainThread) {
  const warnings: string[] = [];
  const broker = await openBroker({
    ...SMALL,
    dataDir: process.argv[2] ?? '',
    onWarning: (message) => warnings.push(message),
  });
  const { url } = await broker.listen({ port: 0, threads: 1 });
  await broker.client().admin().createTopic({ topic: 't', queues: 1 });
  await send(broker.client());
  await send(await connect(url));
  const worker = new Worker(new URL(import.meta.url), { workerData: broker.handle() });
  await new Promise((resolve) => {
    worker.once('exit', resolve);
  });
  const defects = warnings.filter((message) => message.includes('defect'));
  process.stdout.write(JSON.stringify(defects), () => process.exit());
} else {
  await send(await attach(workerData));
  process.exit();
}
