/**
 * A program with an embedded broker, as a process of its own: says what happens to it, a JSON object a line.
 * Options come as JSON in the first argument. At SIGWINCH (SIGUSR2 ends threads in other tests) it uses up its file descriptors, at the next one it gives them back.
 */
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { openBroker } from '../../broker/index.js';
import { isRingMQError } from '../../native-free/wire/index.js';

function say(event: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function sayError(event: string, error: unknown): void {
  say({ event, code: isRingMQError(error) ? error.code : 'UNTYPED', message: String(error) });
}

const taken: number[] = [];
let taking: NodeJS.Timeout | undefined;
const AGAIN_MS = 20;

/** All there are, and whatever becomes free. */
function useUpDescriptors(): void {
  try {
    for (;;) {
      taken.push(openSync('/dev/null', 'r'));
    }
  } catch {
    // That was the last one.
  }
}

process.on('SIGWINCH', () => {
  if (taking === undefined) {
    useUpDescriptors();
    taking = setInterval(useUpDescriptors, AGAIN_MS);
    say({ event: 'warning', message: `${taken.length} file descriptors were used up` });
    return;
  }
  clearInterval(taking);
  taking = undefined;
  for (const fd of taken.splice(0)) {
    closeSync(fd);
  }
});

async function main(): Promise<void> {
  const stopping = once(process, 'SIGTERM');
  const broker = await openBroker({
    ...JSON.parse(process.argv[2] ?? '{}'),
    onWarning: (message, details) => say({ event: 'warning', message, details }),
    onFatal: (error) => sayError('fatal', error),
    onReplication: (event) => say({ ...event, event: 'warning', message: JSON.stringify(event) }),
  });
  const listener = await broker.listen({ port: 0, listener: 'ws' });
  say({ event: 'ready', url: listener.url });
  await stopping;
  await broker.close();
  clearInterval(taking);
  say({ event: 'closed' });
}

main().catch((error: unknown) => {
  sayError('failed', error);
  process.exitCode = 1;
});
