/** Sends by each kind of client, and prints what the broker warned of, once each was told of: one JSON array. `node faulty-host.js DIRECTORY`. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { attach, openBroker } from '../../broker/index.js';
import { type Client, connect } from '../../native-free/client/index.js';
import { SMALL } from '../faults/small-broker.js';
import { Watchers } from '../watchers.js';

const watchers = new Watchers();

/** It is never answered. */
function send(client: Client): void {
  client
    .producer()
    .send({ topic: 't', body: 'x' })
    .catch(() => {});
}

if (isMainThread) {
  const defects: string[] = [];
  const broker = await openBroker({
    ...SMALL,
    dataDir: process.argv[2] ?? '',
    onWarning: (message) => {
      if (message.includes('defect')) {
        defects.push(message);
        watchers.tell();
      }
    },
  });
  const { url } = await broker.listen({ port: 0, threads: 1 });
  await broker.client().admin().createTopic({ topic: 't', queues: 1 });
  send(broker.client());
  await watchers.until(() => defects.length >= 1);
  send(await connect(url));
  await watchers.until(() => defects.length >= 2);
  new Worker(new URL(import.meta.url), { workerData: broker.handle() });
  await watchers.until(() => defects.length >= 3);
  process.stdout.write(JSON.stringify(defects), () => process.exit());
} else {
  send(await attach(workerData));
  // What it has to tell would be lost with it.
  parentPort?.on('message', () => {});
}
