/** Loaded into `ringmq broker` (`--import`): at SIGUSR2 its listener thread ends. */
import { isMainThread } from 'node:worker_threads';
import type { ListenerWorkerMessage } from '../../broker/listener-messages.js';

if (isMainThread) {
  process.on('worker', (worker) => {
    worker.once('message', (message: ListenerWorkerMessage) => {
      if (message.type === 'listening') {
        process.once('SIGUSR2', () => void worker.terminate());
      }
    });
  });
}
