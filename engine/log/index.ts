/** The commit log's files: writing, reading, recovering, retiring them. */
export * from './checkpoint.js';
export * from './log-reader.js';
export * from './log-scan.js';
export * from './persist-layout.js';
export * from './persist-stage.js';
export * from './position-mark.js';
export * from './recovery.js';
export * from './retention.js';
export { RetentionClock } from './retention-clock.js';
export * from './segment-files.js';
export * from './verify.js';
