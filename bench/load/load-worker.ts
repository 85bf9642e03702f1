/** A load thread: its share of producers and consumers, on one event loop. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Answer, Command, ThreadSetup } from './thread-protocol.js';
import { ThreadWork } from './thread-work.js';

const port = parentPort;
if (port === null) {
  throw new Error('this file is the entry of a load thread');
}
const work = new ThreadWork(workerData as ThreadSetup);

async function answerTo(command: Command): Promise<Answer> {
  try {
    return { ok: true, result: await work.perform(command) };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}

port.on('message', (command: Command) => {
  void answerTo(command).then((answer) => {
    port.postMessage(answer);
    if (command.do === 'finish') {
      port.close();
    }
  });
});
