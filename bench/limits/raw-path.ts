import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { nextMessage, runClient, startWorker, stopWorker } from './child.js';
import { createCrudeRing } from './crude-ring.js';
import { isMain, makeProbeDirectory, preallocate, removeProbeDirectory } from './probe.js';

/** What one run of the raw path moves, and how. */
export interface RawPathOptions {
  bodyBytes: number;
  recordsPerFrame: number;
  /** fdatasync after each write, before the watermark moves. */
  sync: boolean;
  /**
   * `growing`: a new file, as a log's is; each page it takes has to be found and mapped. `rewritten`: 512 MiB
   * that are in the page cache already, written over and over, which costs a tenth and which no log can do.
   * Default `growing`.
   */
  file?: 'growing' | 'rewritten';
  /** Where the file lies. */
  directory: string;
  warmUpMs?: number;
  runMs?: number;
}

const RING_BYTES = 64 << 20;
const FILE_BYTES = 512 << 20;

/**
 * The ceiling a broker of this shape can reach here: a client process that only packs, a uWebSockets.js
 * thread that only copies into shared memory, a thread that only writes, a watermark back; 64 frames in
 * flight. Acked messages per second.
 */
export async function runRawPath(options: RawPathOptions): Promise<number> {
  const path = join(options.directory, 'raw-path.bin');
  const isGrowing = options.file !== 'rewritten';
  preallocate(path, isGrowing ? 0 : FILE_BYTES);
  const ring = createCrudeRing(RING_BYTES);
  const writer = startWorker(import.meta.url, './raw-writer-worker.js', {
    ring,
    path,
    fileBytes: isGrowing ? null : FILE_BYTES,
    sync: options.sync,
  });
  const listener = startWorker(import.meta.url, './raw-listener-worker.js', { ring });
  try {
    const port = await nextMessage(listener);
    const result = (await runClient(import.meta.url, './raw-client.js', [
      `ws://127.0.0.1:${port}`,
      options.bodyBytes,
      options.recordsPerFrame,
      options.warmUpMs ?? 500,
      options.runMs ?? 2000,
    ])) as { messages: number; seconds: number };
    return result.messages / result.seconds;
  } finally {
    const writerEnded = once(writer, 'exit');
    await stopWorker(listener);
    await writerEnded;
    rmSync(path);
  }
}

if (isMain(import.meta.url)) {
  const directory = makeProbeDirectory();
  try {
    for (const [bodyBytes, recordsPerFrame] of [
      [100, 256],
      [1024, 64],
    ] as const) {
      for (const [sync, file] of [
        [false, 'growing'],
        [true, 'growing'],
        [false, 'rewritten'],
        [true, 'rewritten'],
      ] as const) {
        const rate = await runRawPath({ bodyBytes, recordsPerFrame, sync, file, directory });
        const how = `${file} file, ${sync ? 'fdatasync per group' : 'write only'}`;
        process.stdout.write(
          `raw path, ${bodyBytes} B x ${recordsPerFrame}, ${how}: ${Math.round(rate).toLocaleString('en')} messages/s\n`,
        );
      }
    }
  } finally {
    removeProbeDirectory(directory);
  }
}
