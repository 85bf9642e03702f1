import { join } from 'node:path';
import { BATCH_HEADER_BYTES, FRAME_HEADER_BYTES, RECORD_HEADER_BYTES } from '../../native-free/wire/index.js';
import { nextMessage, runClient, startWorker, stopWorker } from './child.js';
import { isMain, makeProbeDirectory, preallocate, removeProbeDirectory } from './probe.js';

const FILE_BYTES = 16 << 20;
/** A frame with one 100 B message in it, as RingMQ sends it. */
const MESSAGE_BYTES = FRAME_HEADER_BYTES + BATCH_HEADER_BYTES + RECORD_HEADER_BYTES + 100;

/** Microseconds of one WebSocket round trip, one message at a time. */
export interface EchoFigures {
  p50Us: number;
  p99Us: number;
  count: number;
}

/** A round trip over loopback to a uWebSockets.js thread; with `sync` it writes 4 KiB and calls fdatasync before it answers. */
export async function measureEcho(options: {
  sync: boolean;
  directory: string;
  warmUpMs?: number;
  runMs?: number;
}): Promise<EchoFigures> {
  const path = options.sync ? join(options.directory, 'echo.bin') : null;
  if (path !== null) {
    preallocate(path, FILE_BYTES);
  }
  const listener = startWorker(import.meta.url, './echo-listener-worker.js', { path, fileBytes: FILE_BYTES });
  try {
    const port = await nextMessage(listener);
    return (await runClient(import.meta.url, './echo-client.js', [
      `ws://127.0.0.1:${port}`,
      MESSAGE_BYTES,
      options.warmUpMs ?? 500,
      options.runMs ?? 2000,
    ])) as EchoFigures;
  } finally {
    await stopWorker(listener);
  }
}

if (isMain(import.meta.url)) {
  const directory = makeProbeDirectory();
  try {
    for (const sync of [false, true]) {
      const { p50Us, p99Us, count } = await measureEcho({ sync, directory });
      process.stdout.write(
        `echo${sync ? ' + fdatasync' : ''}, ${MESSAGE_BYTES} B: p50 ${p50Us.toFixed(0)} us, p99 ${p99Us.toFixed(0)} us of ${count}\n`,
      );
    }
  } finally {
    removeProbeDirectory(directory);
  }
}
