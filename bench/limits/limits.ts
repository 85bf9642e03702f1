/** What the machine allows, as one list. */
import { measureBareRing } from './bare-ring.js';
import { measureEcho } from './echo.js';
import { measureFdatasync } from './fdatasync.js';
import { measureFileWrite } from './file-write.js';
import { measureMemoryCopy } from './memory-copy.js';
import { runRawPath } from './raw-path.js';
import { measureStream } from './stream.js';

export interface Limit {
  name: string;
  /** How it is done, in a line. */
  how: string;
  unit: 'bytes/s' | 'messages/s' | 'us';
  measure(directory: string): Promise<number>;
}

const STREAM_BYTES = 64 << 10;

export const LIMITS: readonly Limit[] = [
  {
    name: 'memory copy into the ring',
    how: '16 KiB at a time into 64 MiB of shared memory',
    unit: 'bytes/s',
    measure: async () => measureMemoryCopy(),
  },
  {
    name: 'bare ring between threads',
    how: '100 B records, published every 16, one writer and one reader',
    unit: 'messages/s',
    measure: () => measureBareRing(15_000_000),
  },
  {
    name: 'file write',
    how: '1 MiB at a time to a growing file, page cache',
    unit: 'bytes/s',
    measure: async (directory) => measureFileWrite(directory),
  },
  {
    name: 'fdatasync',
    how: 'after 4 KiB into a preallocated file, median',
    unit: 'us',
    measure: async (directory) => measureFdatasync(directory, 1500),
  },
  {
    name: 'WebSocket echo',
    how: 'a frame of one 100 B message there and back, one at a time, median',
    unit: 'us',
    measure: async (directory) => (await measureEcho({ sync: false, directory, runMs: 1000 })).p50Us,
  },
  {
    name: 'WebSocket echo and fdatasync',
    how: 'the same, 4 KiB written and synced before the answer, median',
    unit: 'us',
    measure: async (directory) => (await measureEcho({ sync: true, directory, runMs: 1000 })).p50Us,
  },
  {
    name: 'WebSocket stream, 64 KiB',
    how: '64 messages unanswered, mask that costs nothing',
    unit: 'bytes/s',
    measure: async () => (await measureStream(STREAM_BYTES)) * STREAM_BYTES,
  },
  {
    name: 'WebSocket stream, 256 B',
    how: 'the same, a message each',
    unit: 'messages/s',
    measure: () => measureStream(256),
  },
  rawPath('raw path, 100 B, page cache', 100, 256, false),
  rawPath('raw path, 100 B, on disk', 100, 256, true),
  rawPath('raw path, 1 KiB, page cache', 1024, 64, false),
  rawPath('raw path, 1 KiB, on disk', 1024, 64, true),
];

/** Pack, WebSocket, copy into shared memory, write, watermark back; nothing else. */
function rawPath(name: string, bodyBytes: number, recordsPerFrame: number, sync: boolean): Limit {
  return {
    name,
    how: `frames of ${recordsPerFrame}, 64 in flight, ${sync ? 'fdatasync after each write' : 'write only'}`,
    unit: 'messages/s',
    measure: (directory) => runRawPath({ bodyBytes, recordsPerFrame, sync, directory, runMs: 1500 }),
  };
}
