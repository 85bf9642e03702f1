/** A worker thread that writes into the rings of its process's broker: the same client, and no socket between. */
import { once } from 'node:events';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { attach, type BrokerHandle, openBroker } from 'ringmq';

const COUNT = 10_000;

async function write(handle: BrokerHandle): Promise<void> {
  const client = await attach(handle);
  const producer = client.producer({ group: 'workers' });
  for (let i = 0; i < COUNT; i++) {
    if (!producer.write({ topic: 'lines', body: `line ${i}` })) {
      await producer.ready();
    }
  }
  await client.close();
}

async function main(): Promise<void> {
  const broker = await openBroker({ dataDir: './example-data' });
  const client = broker.client();
  await client.admin().createTopic({ topic: 'lines', queues: 1, ifNotExists: true });
  const worker = new Worker(new URL(import.meta.url), { workerData: broker.handle() });
  // An error of the worker rejects it, and ends the process.
  const ended = once(worker, 'exit');
  let received = 0;
  for await (const batch of client.consumer({ group: 'readers', topic: 'lines' }).batches()) {
    received += batch.length;
    await batch.ack();
    if (received >= COUNT) {
      break;
    }
  }
  console.log(`${received} lines came from the worker`);
  // Read is not yet acked: the worker still waits to hear that its messages are stored.
  await ended;
  await broker.close();
}

await (isMainThread ? main() : write(workerData as BrokerHandle));
