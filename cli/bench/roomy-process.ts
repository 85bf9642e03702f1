/**
 * A load process that sends keeps tens of thousands of promises and receipts alive. With Node's small young
 * generation half of its time goes into moving them about, which would be measured as the broker's. The size
 * can only be set when a process starts, so the bench starts itself once more, with room.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** 128 MiB for each half of the young generation; Node's default is 16. */
export const ROOM_FLAG = '--max-semi-space-size=128';

/** Runs this very command in a process with room and takes over its exit status. False: this process has it already. */
export async function runWithRoom(): Promise<boolean> {
  const flags = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ');
  if (flags.includes('--max-semi-space-size')) {
    return false;
  }
  const child = spawn(process.execPath, [...process.execArgv, ROOM_FLAG, ...process.argv.slice(1)], {
    stdio: 'inherit',
  });
  const pass = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  process.on('SIGINT', pass).on('SIGTERM', pass);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    process.exitCode = code ?? 1;
  } finally {
    process.off('SIGINT', pass).off('SIGTERM', pass);
  }
  return true;
}
