export * from './parking.js';
export * from './repair.js';
export * from './ring.js';
export * from './ring-layout.js';
export * from './ring-reader.js';
export * from './ring-writer.js';
export * from './role.js';
export * from './seats.js';
