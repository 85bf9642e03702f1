/**
 * How much memory a broker needs, from its options, and whether there is so much. In a container that has
 * less, the kernel ends the process with SIGKILL once the rings have filled, long after the start and without
 * a line in any log.
 */
import { totalmem } from 'node:os';
import type { ResolvedEngineOptions } from '../engine/options.js';
import { OVERSIZE_BYTES } from '../native-free/listener/types.js';
import { MAX_FRAME_BYTES } from '../native-free/wire/index.js';
import { cachedBytes } from './cgroup-cache.js';

const MIB = 1024 * 1024;

/** Measured with Node 20: the runtime, the code, the broker's own threads and what they hold of tables when little is stored. */
const PROCESS_BYTES = 112 * MIB;
/** Each listener thread: its heap, its buffer for frames, the listener. */
const LISTENER_THREAD_BYTES = 24 * MIB;
/** What 4,096 producers of each lane are remembered by; those beyond, up to `maxProducers`, take 2 KiB each once they send. */
const PRODUCER_TABLES_BYTES = 2 * 8.5 * MIB;
/** Beside each ring, a mark for each 64 bytes of it. */
const MARK_BYTES_PER_BYTE = 1 / 16;

/** What is used of it under load with a few hundred queues and connections. */
export function neededBytes(
  { ringBytes, memoryRingBytes }: Pick<ResolvedEngineOptions, 'ringBytes' | 'memoryRingBytes'>,
  listenerThreads: number,
): number {
  const rings = (ringBytes + memoryRingBytes) * (1 + MARK_BYTES_PER_BYTE);
  return PROCESS_BYTES + PRODUCER_TABLES_BYTES + rings + listenerThreads * LISTENER_THREAD_BYTES;
}

/** What this process may use. */
export interface MemoryThere {
  /** Of its container (cgroup v1 or v2); the machine's where there is none, or more. */
  limitBytes: number;
  /** Of that, what it has or could have now. */
  availableBytes: number;
}

export function memoryThere(): MemoryThere {
  // 0, or more than any machine has, where nothing limits it.
  const constrained = process.constrainedMemory();
  const total = totalmem();
  const limitBytes = constrained > 0 && constrained < total ? constrained : total;
  // A container's is counted with the files that the kernel keeps in it, the log first of all, and gives up when memory is asked for.
  const available = (process.availableMemory?.() ?? limitBytes) + (limitBytes < total ? cachedBytes() : 0);
  return { limitBytes, availableBytes: Math.min(limitBytes, available + process.memoryUsage.rss()) };
}

/** A warning when there is less than is needed, else null. */
export function memoryShortage(
  neededBytes: number,
  { limitBytes, availableBytes }: MemoryThere,
): string | null {
  if (availableBytes >= neededBytes) {
    return null;
  }
  const has =
    limitBytes < neededBytes
      ? `its container or machine has ${mib(limitBytes)}`
      : `of the ${mib(limitBytes)} of its container or machine ${mib(availableBytes)} are left`;
  return (
    `with its options this broker comes to use about ${mib(neededBytes)}, and ${has}: the kernel ends it without a word when they are used up; ` +
    'give it more, or lower ringBytes (--ring-size), memoryRingBytes (--memory-ring-size) and the number of listener threads'
  );
}

/**
 * What clients of uWebSockets.js can make it hold by messages that they begin and do not end, until their
 * connections are cut off: it keeps what has come of one, and shows nothing of it before it is whole.
 */
export function unendedBytes(maxConnections: number): number {
  return maxConnections * (MAX_FRAME_BYTES + OVERSIZE_BYTES);
}

/** A warning where strangers reach such a listener and could make it hold more than there is, else null. */
export function unendedShortage(
  maxConnections: number,
  { availableBytes }: Pick<MemoryThere, 'availableBytes'>,
): string | null {
  const most = unendedBytes(maxConnections);
  if (most <= availableBytes) {
    return null;
  }
  const possible = Math.max(1, Math.floor(availableBytes / unendedBytes(1)));
  return (
    `whoever reaches this listener can make it hold ${mib(most)} for a minute, by messages that do not end over ${maxConnections} connections, and ${mib(availableBytes)} are there: ` +
    `uWebSockets.js does not count them; lower maxConnections (--max-connections), to ${possible} or less, or take --listener ws, which bounds them by maxPartialBytes`
  );
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}
