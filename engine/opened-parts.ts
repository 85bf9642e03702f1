/** What an engine works on, opened in order: the data directory, the memory that threads share, the threads that write, this thread's seat. */
import { threadId } from 'node:worker_threads';
import { endAttached } from './control/channel-server.js';
import { type DataOptions, type OpenData, openData } from './data/open-data.js';
import { tellDamage } from './data/tell-damage.js';
import type { DataDirLock } from './disk/index.js';
import type { BrokerHandle } from './handle.js';
import { newHandle } from './new-handle.js';
import { SeatTable } from './ring/index.js';
import { PersistThreads } from './thread/persist-threads.js';
import { makeThreadParts, type ThreadParts } from './thread/thread-parts.js';

export interface OpenedParts {
  readonly data: OpenData;
  readonly handle: BrokerHandle;
  readonly persist: PersistThreads;
  /** Of this thread. */
  readonly parts: ThreadParts;
}

/** @throws RingMQError LOG_CORRUPT, DISK_FULL, DISK_FAILED */
export async function openParts(
  options: DataOptions,
  lock: DataDirLock,
  warn: (message: string, details: Record<string, unknown>) => void,
): Promise<OpenedParts> {
  if (lock.ofDeadThread !== undefined) {
    await endAttached(lock.ofDeadThread);
  }
  const data = openData(options, lock.dir, (what) => warn(what, {}));
  tellDamage(data.recovery, warn);
  const handle = newHandle(options, lock.dir, data);
  const persist = await PersistThreads.start(handle, options);
  try {
    const seats = new SeatTable(handle.seats);
    return { data, handle, persist, parts: makeThreadParts(handle, seats, seats.take(threadId)) };
  } catch (error) {
    await persist.stop();
    throw error;
  }
}
