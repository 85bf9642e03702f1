export { type DiagnosticEvents, type DiagnosticKind, diagnose, isDiagnosed } from './diagnostics.js';
export {
  blockOf,
  bucketEndMs,
  COUNTERS,
  type Counter,
  countSync,
  createStatsMemory,
  SYNC_BUCKETS,
  syncBuckets,
} from './stats-layout.js';
export { SeatMeter, SLOW_TURN_MS, type SlowWork } from './thread-meter.js';
