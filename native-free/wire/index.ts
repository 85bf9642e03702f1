export * from './batch-layout.js';
export * from './control.js';
export * from './errors.js';
export * from './filter.js';
export * from './frame-layout.js';
export * from './limits.js';
export * from './record-layout.js';
