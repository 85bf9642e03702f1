/** A host of a broker with open sockets that ends as its argument says. `node ending-host.js DIRECTORY HOW LISTENER`. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { openBroker } from '../../broker/index.js';
import { connect } from '../../native-free/client/index.js';
import { SMALL } from '../faults/small-broker.js';

interface Given {
  dataDir: string;
  how: string;
  listener: 'auto' | 'uws' | 'ws';
}

async function serve({ dataDir, listener }: Given): Promise<void> {
  const broker = await openBroker({ ...SMALL, dataDir });
  const { url } = await broker.listen({ port: 0, threads: 2, listener });
  const client = await connect(url);
  await client.admin().createTopic({ topic: 't', queues: 1 });
  await client.producer().send({ topic: 't', body: 'x' });
}

function throwLater(): void {
  setTimeout(() => {
    throw new Error('the host has a defect');
  }, 1);
}

const given: Given = isMainThread
  ? {
      dataDir: process.argv[2] ?? '',
      how: process.argv[3] ?? '',
      listener: (process.argv[4] ?? 'auto') as Given['listener'],
    }
  : workerData;

if (!isMainThread) {
  await serve(given);
  if (given.how === 'worker-exits') {
    process.exit(5);
  }
  if (given.how === 'worker-throws') {
    throwLater();
  }
  parentPort?.postMessage('ready');
} else if (given.how.startsWith('worker-')) {
  const worker = new Worker(new URL(import.meta.url), { workerData: given });
  worker.on('error', () => {});
  const ended = new Promise((resolve) => {
    worker.once('exit', resolve);
  });
  if (given.how === 'worker-terminated') {
    await new Promise((resolve) => {
      worker.once('message', resolve);
    });
    await worker.terminate();
  }
  await ended;
  process.exitCode = 9;
} else {
  await serve(given);
  if (given.how === 'exits') {
    process.exit(7);
  }
  if (given.how === 'throws') {
    throwLater();
  }
  if (given.how === 'rejects') {
    void Promise.reject(new Error('nobody handles this'));
  }
}
