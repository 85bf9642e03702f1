/** A broker whose own thread has ended, in a process that goes on: its directory can be opened again, and who was attached to it ends. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { attach, type BrokerHandle } from '../../broker/index.js';
import { failureOf, makeDirectory, openSmall, readSome, removeDirectory, SMALL } from './small-broker.js';

let directory: string;
beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => removeDirectory(directory));

const ENTRY = JSON.stringify(new URL('../../broker/index.js', import.meta.url).href);

it.each(['terminate', 'throw'])('after %s', async (how) => {
  const dataDir = `${directory}/${how}`;
  const code = `import { openBroker } from ${ENTRY};
    import { parentPort } from 'node:worker_threads';
    const broker = await openBroker(${JSON.stringify({ ...SMALL, dataDir })});
    await broker.client().admin().createTopic({ topic: 't', queues: 1 });
    await broker.client().producer().send({ topic: 't', body: 'by its own thread' });
    parentPort.on('message', () => { throw new Error('an end'); });
    parentPort.postMessage(broker.handle());`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  worker.on('error', () => {});
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  const [handle] = (await once(worker, 'message')) as [BrokerHandle];
  const attached = await attach(handle);
  await attached.producer().send({ topic: 't', body: 'by another' });
  if (how === 'terminate') {
    await worker.terminate();
  } else {
    worker.postMessage('now');
    await exited;
  }

  const again = await openSmall(dataDir);
  expect((await readSome(again.client, 't', 2)).map((message) => message.text())).toEqual([
    'by its own thread',
    'by another',
  ]);
  const late = async () => attached.producer().send({ topic: 't', body: 'too late' });
  expect((await failureOf(late())).code).toMatch(/^(?:CLOSED|DISK_FAILED|BROKER_CLOSED)$/);
  await attached.close();
  await again.client.producer().send({ topic: 't', body: 'by the next' });
  await again.close();
});
