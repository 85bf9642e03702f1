/** Thread that posts messages to its host one by one, so many unanswered at most. */
import { parentPort, workerData } from 'node:worker_threads';
import { MESSAGES_IN_FLIGHT, makeBodies } from './shape.js';

const { count } = workerData as { count: number };
const port = parentPort;
if (port === null) {
  throw new Error('this is a worker');
}
const bodies = makeBodies(256);
let sent = 0;
let answered = 0;

function postAll(): void {
  for (; sent < count && sent - answered < MESSAGES_IN_FLIGHT; sent++) {
    port?.postMessage({ topic: 't', body: bodies[sent & 255] });
  }
  if (answered >= count) {
    port?.close();
  }
}

port.on('message', (read: number) => {
  answered = read;
  postAll();
});
postAll();
