/** A producer's options, checked and completed. */
import { nameOption, numberOption } from '../options.js';
import type { ProducerOptions } from '../types.js';
import { MAX_SPAN } from './send-window.js';

/**
 * Less than 64 batches of 64 KiB, so what is packed is sent at once, out of the cache; batches that queue up behind what is under way are
 * cold by then, which cost a sixth of the rate.
 */
const DEFAULT_BUFFER_BYTES = 3 * 1024 * 1024;

export interface ProducerSettings {
  group: string;
  bufferBytes: number;
  batchBytes: number;
  batchRecords: number;
  /** undefined: batches wait for company only while others are under way. */
  lingerMs: number | undefined;
  maxInFlight: number;
  timeoutMs: number;
}

/** Throws `BAD_ARGUMENT` naming the option that cannot be used. */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const { lingerMs } = options;
  return {
    group: nameOption('group', options.group ?? 'default'),
    bufferBytes: numberOption('bufferBytes', options.bufferBytes, DEFAULT_BUFFER_BYTES, 1024, 1024 ** 3),
    batchBytes: numberOption('batchBytes', options.batchBytes, 64 * 1024, 1024, 1024 * 1024),
    batchRecords: numberOption('batchRecords', options.batchRecords, 4096, 1, 65_535),
    lingerMs: lingerMs === undefined ? undefined : numberOption('lingerMs', lingerMs, 0, 0, 60_000),
    maxInFlight: numberOption('maxInFlightBatches', options.maxInFlightBatches, MAX_SPAN, 1, MAX_SPAN),
    timeoutMs: numberOption('sendTimeoutMs', options.sendTimeoutMs, 30_000, 1, 86_400_000),
  };
}
