/** Thread that packs messages into batches and posts them to its host, so many unanswered at most. */
import { parentPort, workerData } from 'node:worker_threads';
import { BatchBuilder } from '../../native-free/client/internal.js';
import { FRAME_HEADER_BYTES } from '../../native-free/wire/index.js';
import { BATCH_BYTES, BATCHES_IN_FLIGHT, type BatchForm, BODY_BYTES, makeBodies } from './shape.js';

const { form, count } = workerData as { form: BatchForm; count: number };
const port = parentPort;
if (port === null) {
  throw new Error('this is a worker');
}

const builder = new BatchBuilder(BATCH_BYTES);
const message = { topic: 't', body: new Uint8Array(BODY_BYTES).fill(120) };
// As many as fill a batch of bytes.
while (builder.append(message, 0)) {}
const messages = makeBodies(builder.count).map((body) => ({ topic: 't', body }));
let free = Array.from({ length: BATCHES_IN_FLIGHT }, () => new ArrayBuffer(BATCH_BYTES));
let inFlight = 0;
let sent = 0;

function pack(): Uint8Array {
  builder.reset();
  const bornTime = Date.now();
  while (sent + builder.count < count && builder.append(message, bornTime)) {}
  sent += builder.count;
  builder.seal();
  return builder.bytes.subarray(FRAME_HEADER_BYTES, builder.at);
}

function postTransferred(): void {
  const buffer = free.pop() as ArrayBuffer;
  builder.bytes = new Uint8Array(buffer);
  builder.view = new DataView(buffer);
  port?.postMessage(pack(), [buffer]);
}

function postObjects(): void {
  const some = Math.min(messages.length, count - sent);
  port?.postMessage(some === messages.length ? messages : messages.slice(0, some));
  sent += some;
}

function postAll(): void {
  while (sent < count && inFlight < BATCHES_IN_FLIGHT) {
    if (form === 'transferred') {
      postTransferred();
    } else if (form === 'copied') {
      port?.postMessage(pack());
    } else {
      postObjects();
    }
    inFlight++;
  }
  if (sent >= count && inFlight === 0) {
    port?.close();
  }
}

// An answer is the buffers themselves, to be filled again, or how many batches were read.
port.on('message', (answer: ArrayBuffer[] | number) => {
  if (typeof answer === 'number') {
    inFlight -= answer;
  } else {
    inFlight -= answer.length;
    free = free.concat(answer);
  }
  postAll();
});
postAll();
