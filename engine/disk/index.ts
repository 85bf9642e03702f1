/** The little of a file system that the engine needs, and the lock on a data directory. */
export * from './background-sync.js';
export * from './dir-guard.js';
export * from './disk.js';
export * from './file-identity.js';
export * from './lock-file.js';
export * from './make-dir.js';
export * from './node-disk.js';
export * from './opened-dir.js';
export * from './segment-place.js';
