/**
 * From one thread of a process to another as tasks of a piscina pool of one worker, a message each.
 * Arguments: messages. Prints one JSON object.
 */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { BODY_BYTES, type EmbeddedFigure, makeBodies } from './shape.js';

export interface Task {
  topic: string;
  body: Uint8Array;
}

/** Tasks under way: enough that the worker never waits for one. */
const IN_FLIGHT = 1024;
const count = Number(process.argv[2] ?? 100_000);
const pool = new Piscina({
  filename: fileURLToPath(new URL('./piscina-tasks-worker.js', import.meta.url)),
  name: 'take',
  minThreads: 1,
  maxThreads: 1,
  concurrentTasksPerWorker: 64,
});
const bodies = makeBodies(256);
let bytes = 0;

async function runTasks(tasks: number): Promise<void> {
  let started = 0;
  const runOne = async (): Promise<void> => {
    while (started < tasks) {
      const task: Task = { topic: 't', body: bodies[started++ & 255] as Uint8Array };
      const length = (await pool.run(task)) as number;
      bytes += length;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, runOne));
}

// The worker starts with the first task.
await runTasks(IN_FLIGHT);
bytes = 0;
const startedAt = performance.now();
await runTasks(count);
const seconds = (performance.now() - startedAt) / 1000;
if (bytes !== count * BODY_BYTES) {
  throw new Error(`${bytes} bytes came of ${count * BODY_BYTES}`);
}
const figure: EmbeddedFigure = { messagesPerSecond: count / seconds };
await pool.destroy();
process.stdout.write(`${JSON.stringify(figure)}\n`);
