import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../cli/main.js', import.meta.url));

/** `ringmq cluster …` in one folder. Resolves with what it printed; throws with what it said when it failed. */
export async function cluster(dir: string, command: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [CLI, 'cluster', command, '--dir', dir, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let log = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) {
    throw new Error(`ringmq cluster ${[command, ...args].join(' ')}: ${log.trim()}`);
  }
  return out;
}
