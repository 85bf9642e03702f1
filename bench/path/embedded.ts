/**
 * From one thread of a process to another through a memory topic: `write` on one side, `batches()` on the
 * other, looking at every record. Arguments: records. Prints one JSON object.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { openBroker } from '../../broker/index.js';
import { makeProbeDirectory, removeProbeDirectory } from '../limits/probe.js';

const TOPIC = 'memory';
const BODY_BYTES = 100;
const count = Number(process.argv[2] ?? 10_000_000);
const directory = makeProbeDirectory();
const broker = await openBroker({ dataDir: directory, flush: 'async' });
try {
  const client = broker.client();
  await client.admin().createTopic({ topic: TOPIC, queues: 1, memory: true });
  const consumer = client.consumer({ group: 'bench', topic: TOPIC, from: 'earliest' });
  const batches = consumer.batches();
  // Joined before the first record is written: what memory has let go of is gone.
  const first = batches.next();
  await consumer.assigned;
  const workerData = { handle: broker.handle(), topic: TOPIC, count, bodyBytes: BODY_BYTES };
  const writer = new Worker(new URL('./embedded-writer-worker.js', import.meta.url), { workerData });
  const ended = once(writer, 'exit');
  let read = 0;
  let bytes = 0;
  let startedAt = 0;
  for (let next = await first; next.done !== true; next = await batches.next()) {
    if (startedAt === 0) {
      startedAt = performance.now();
    }
    for (const message of next.value) {
      bytes += message.bodyLength;
    }
    read += next.value.length;
    await next.value.ack();
    if (read >= count) {
      break;
    }
  }
  const seconds = (performance.now() - startedAt) / 1000;
  if (bytes !== count * BODY_BYTES) {
    throw new Error(`${bytes} bytes came of ${count * BODY_BYTES}`);
  }
  await consumer.close();
  await ended;
  process.stdout.write(`${JSON.stringify({ messagesPerSecond: count / seconds })}\n`);
} finally {
  await broker.close();
  removeProbeDirectory(directory);
}
