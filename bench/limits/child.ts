import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

/**
 * Runs a built module beside `from` as a process of its own and returns the JSON object it prints. Throws
 * with its stderr when it fails.
 */
export async function runClient(
  from: string,
  module: string,
  args: readonly (string | number)[],
): Promise<unknown> {
  const path = fileURLToPath(new URL(module, from));
  const child = spawn(process.execPath, [path, ...args.map(String)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) {
    throw new Error(`${module} ended with ${code}: ${stderr.trim()}`);
  }
  return JSON.parse(stdout) as unknown;
}

/** Starts the built worker `module` beside `from`. */
export function startWorker(from: string, module: string, workerData: unknown): Worker {
  return new Worker(new URL(module, from), { workerData });
}

/** The next message of a worker; rejects when the worker fails first. */
export async function nextMessage(worker: Worker): Promise<unknown> {
  const [message] = (await once(worker, 'message')) as [unknown];
  return message;
}

/** Asks a worker to stop and waits until it has. */
export async function stopWorker(worker: Worker): Promise<void> {
  const exited = once(worker, 'exit');
  worker.postMessage('stop');
  await exited;
}
