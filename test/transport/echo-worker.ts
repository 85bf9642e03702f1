/** A thread with one native listener that answers each message with its own thread's number. */
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { startUwsListener } from '../../transport/uws-listener.js';
import { BASE_OPTIONS } from './listeners.js';

const { port, joinPort } = workerData as { port: number; joinPort: boolean };
const listener = await startUwsListener({
  ...BASE_OPTIONS,
  port,
  joinPort,
  accept: (socket) => ({
    onFrame: () => socket.send(Uint8Array.of(threadId)),
    onText: () => {},
    onDrain: () => {},
    onExcess: () => {},
    maxPartialBytes: Number.POSITIVE_INFINITY,
    onClose: () => {},
  }),
});
parentPort?.once('message', () => {
  void listener.close();
});
parentPort?.postMessage(listener.port);
