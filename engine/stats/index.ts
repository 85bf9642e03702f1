export { type DiagnosticEvents, diagnose, isDiagnosed } from './diagnostics.js';
export { HistoryRing, type Sample } from './history-ring.js';
export { Sampler } from './sampler.js';
export {
  blockOf,
  bucketEndMs,
  COUNTERS,
  type Counter,
  countSync,
  createStatsMemory,
  syncBuckets,
} from './stats-layout.js';
export { SeatMeter } from './thread-meter.js';
