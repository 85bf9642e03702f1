/**
 * From one thread of a process to another by `postMessage`, a batch a call. Arguments: form ({@link
 * BatchForm}), messages. Prints one JSON object.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { recordSource } from '../../native-free/batch/record-source.js';
import { BatchInfo } from '../../native-free/client/consume/batch-info.js';
import { ReceivedBatch } from '../../native-free/client/consume/received-batch.js';
import { BatchHeader, bodyIsIntact, checkRecords, readHeader } from '../../native-free/client/internal.js';
import { BATCH_HEADER_BYTES } from '../../native-free/wire/index.js';
import { printFigure } from './shape.js';

type Objects = readonly { body: Uint8Array }[];

/** Batches after which the writer is told: each telling wakes its thread. */
const ANSWER_EVERY = 8;

const [form = 'transferred', countText = '1000000'] = process.argv.slice(2);
const count = Number(countText);
const header = new BatchHeader();
const hold = { held: true, isActive: true, isPaused: false, ack: () => true };
const buffers: ArrayBuffer[] = [];
let read = 0;
let bytes = 0;
let batches = 0;
let startedAt = 0;

/** What a consumer does with a batch that has come: checks it, and looks at every message. */
function takeBatch(batch: Uint8Array<ArrayBuffer>): void {
  readHeader(batch, 0, batch.length, header);
  if (!bodyIsIntact(batch, header)) {
    throw new Error('a batch came damaged');
  }
  const source = recordSource(batch);
  checkRecords(source, header);
  const info = new BatchInfo(header, 0, 't', true, '0123456789abcdef', hold);
  const received = new ReceivedBatch(info, source, header, 0, BATCH_HEADER_BYTES, null);
  for (const message of received) {
    bytes += message.bodyLength;
  }
  read += received.length;
}

function takeObjects(messages: Objects): void {
  for (const { body } of messages) {
    bytes += body.length;
  }
  read += messages.length;
}

const writer = new Worker(new URL('./post-batches-worker.js', import.meta.url), {
  workerData: { form, count },
});
const ended = once(writer, 'exit');
writer.on('message', (batch: Uint8Array<ArrayBuffer> | Objects) => {
  if (startedAt === 0) {
    startedAt = performance.now();
  }
  if (batch instanceof Uint8Array) {
    takeBatch(batch);
  } else {
    takeObjects(batch);
  }
  batches++;
  if (form === 'transferred') {
    buffers.push((batch as Uint8Array<ArrayBuffer>).buffer);
  }
  const isLast = read >= count;
  if (batches % ANSWER_EVERY !== 0 && !isLast) {
    return;
  }
  if (isLast) {
    printFigure(startedAt, count, bytes);
  }
  if (form === 'transferred') {
    const back = buffers.splice(0);
    writer.postMessage(back, back);
  } else {
    writer.postMessage(batches % ANSWER_EVERY || ANSWER_EVERY);
  }
});

await ended;
