/**
 * A program with an embedded broker, as a process of its own: says what happens to it, a JSON object a line.
 * Options come as JSON in the first argument.
 */
import { once } from 'node:events';
import { openBroker } from '../../broker/index.js';
import { isRingMQError } from '../../native-free/wire/index.js';

function say(event: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function sayError(event: string, error: unknown): void {
  say({ event, code: isRingMQError(error) ? error.code : 'UNTYPED', message: String(error) });
}

async function main(): Promise<void> {
  const stopping = once(process, 'SIGTERM');
  const broker = await openBroker({
    ...JSON.parse(process.argv[2] ?? '{}'),
    onWarning: (message, details) => say({ event: 'warning', message, details }),
    onFatal: (error) => sayError('fatal', error),
  });
  const listener = await broker.listen({ port: 0, listener: 'ws' });
  say({ event: 'ready', url: listener.url });
  await stopping;
  await broker.close();
  say({ event: 'closed' });
}

main().catch((error: unknown) => {
  sayError('failed', error);
  process.exitCode = 1;
});
