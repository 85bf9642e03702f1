/** What the pages ask, and what answers them. */
export * from './backend.js';
export { Desk, type DeskOptions } from './desk.js';
export { fromJson, toJson } from './json.js';
