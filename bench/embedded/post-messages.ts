/** From one thread of a process to another by `postMessage`, a message a call. Arguments: messages. Prints one JSON object. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { MESSAGES_IN_FLIGHT, printFigure } from './shape.js';

/** Messages after which the writer is told how many were read. */
const ANSWER_EVERY = MESSAGES_IN_FLIGHT / 8;

const count = Number(process.argv[2] ?? 300_000);
let read = 0;
let bytes = 0;
let startedAt = 0;
const writer = new Worker(new URL('./post-messages-worker.js', import.meta.url), { workerData: { count } });
const ended = once(writer, 'exit');
writer.on('message', ({ body }: { body: Uint8Array }) => {
  if (startedAt === 0) {
    startedAt = performance.now();
  }
  bytes += body.length;
  read++;
  if (read === count) {
    printFigure(startedAt, count, bytes);
  }
  if (read % ANSWER_EVERY === 0 || read === count) {
    writer.postMessage(read);
  }
});

await ended;
