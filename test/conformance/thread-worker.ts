/** A thread that attaches to the test's broker and does one job until it is done, or terminated. */
import { parentPort, workerData } from 'node:worker_threads';
import { attach, type BrokerHandle } from '../../broker/index.js';

export type ThreadJob =
  /** Writes numbered messages, waits until all are acked. */
  | { type: 'produce'; topic: string; tag: string; count: number; bytes: number }
  /** Reads so many messages and checks that those of each tag come in order, without a gap. */
  | { type: 'consume'; topic: string; group: string; count: number; window: number }
  /** Sends numbered messages for ever, and sits in a group without acking; counts acks in `acked`. */
  | { type: 'hammer'; topic: string; tag: string; group: string; acked: SharedArrayBuffer };

export interface ThreadWorkerData {
  handle: BrokerHandle;
  job: ThreadJob;
}

export type ThreadWorkerMessage =
  | { type: 'ready' }
  | { type: 'done'; count: number }
  | { type: 'failed'; why: string };

const { handle, job } = workerData as ThreadWorkerData;

function say(message: ThreadWorkerMessage): void {
  parentPort?.postMessage(message);
}

async function produce(job: ThreadJob & { type: 'produce' }): Promise<number> {
  const client = await attach(handle);
  const producer = client.producer({ batchBytes: 4096, bufferBytes: 64 * 1024 });
  for (let i = 0; i < job.count; i++) {
    const message = { topic: job.topic, tag: job.tag, body: String(i).padEnd(job.bytes) };
    if (!producer.write(message)) {
      await producer.ready();
    }
  }
  await client.close();
  return job.count;
}

async function consume(job: ThreadJob & { type: 'consume' }): Promise<number> {
  const client = await attach(handle);
  const consumer = client.consumer({ group: job.group, topic: job.topic, windowBytes: job.window });
  const next = new Map<string, number>();
  let count = 0;
  void consumer.assigned.then(() => say({ type: 'ready' }));
  for await (const batch of consumer.batches()) {
    for (const message of batch) {
      const tag = message.tag as string;
      const expected = next.get(tag) ?? 0;
      const body = Number.parseInt(message.text(), 10);
      if (body !== expected) {
        throw new Error(`${tag}: ${body} came where ${expected} was due`);
      }
      next.set(tag, expected + 1);
      count++;
    }
    await batch.ack();
    if (count >= job.count) {
      break;
    }
  }
  await client.close();
  return count;
}

async function hammer(job: ThreadJob & { type: 'hammer' }): Promise<number> {
  const client = await attach(handle);
  const acked = new Int32Array(job.acked);
  const member = client.consumer({ group: job.group, topic: job.topic }).batches();
  void member.next();
  const producer = client.producer({ batchRecords: 3 });
  for (let i = 0; ; ) {
    const sends: Promise<unknown>[] = [];
    for (let n = 0; n < 30; n++) {
      sends.push(producer.send({ topic: job.topic, tag: job.tag, body: String(i++) }));
    }
    await Promise.all(sends);
    // Only now is it known to be stored.
    Atomics.store(acked, 0, i);
    Atomics.notify(acked, 0);
  }
}

async function work(): Promise<number> {
  if (job.type === 'produce') {
    return produce(job);
  }
  if (job.type === 'consume') {
    return consume(job);
  }
  return hammer(job);
}

work().then(
  (count) => say({ type: 'done', count }),
  (error: unknown) =>
    say({ type: 'failed', why: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
);
