export { type DiagnosticEvents, diagnose, isDiagnosed } from './diagnostics.js';
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
