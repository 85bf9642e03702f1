import { nextMessage, runClient, startWorker, stopWorker } from './child.js';
import { FRAMES_IN_FLIGHT, isMain } from './probe.js';

/**
 * Messages a second from one client process to a uWebSockets.js thread that only counts them, 64 unanswered:
 * what a WebSocket can carry before anything is done with it.
 */
export async function measureStream(messageBytes: number, warmUpMs = 300, runMs = 1000): Promise<number> {
  const listener = startWorker(import.meta.url, './stream-listener-worker.js', null);
  try {
    const port = await nextMessage(listener);
    const url = `ws://127.0.0.1:${port}`;
    const args = [url, messageBytes, warmUpMs, runMs];
    const figures = (await runClient(import.meta.url, './stream-client.js', args)) as {
      messages: number;
      seconds: number;
    };
    return figures.messages / figures.seconds;
  } finally {
    await stopWorker(listener);
  }
}

if (isMain(import.meta.url)) {
  for (const messageBytes of [256, 64 << 10]) {
    const rate = await measureStream(messageBytes);
    process.stdout.write(
      `WebSocket stream, ${messageBytes} B, ${FRAMES_IN_FLIGHT} in flight: ${rate.toFixed(0)} messages/s, ${((rate * messageBytes) / 1e9).toFixed(2)} GB/s\n`,
    );
  }
}
