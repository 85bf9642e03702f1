/** Client process of a probe: how many messages were answered in a stretch of time, after another to warm up. */
import type { WebSocket } from 'ws';

export interface TimedRun {
  /** Sends as much as may be under way. */
  send(): void;
  /** Messages answered so far. */
  answered(): number;
  warmMs: number;
  runMs: number;
}

/** Begins once the socket is open. Prints one JSON object and ends the process. */
export function measureOver(socket: WebSocket, { send, answered, warmMs, runMs }: TimedRun): void {
  socket.on('open', () => {
    send();
    setTimeout(() => {
      const atStart = answered();
      const startedAt = performance.now();
      setTimeout(() => {
        const seconds = (performance.now() - startedAt) / 1000;
        const messages = answered() - atStart;
        process.stdout.write(`${JSON.stringify({ messages, seconds })}\n`, () => process.exit(0));
      }, runMs);
    }, warmMs);
  });
  socket.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
}
