/** What a directory is, for tests of the file that says it. */
import type { NodeFacts } from '../../engine/meta/index.js';

export const NODE: NodeFacts = {
  brokerId: '0123456789abcdef',
  spanBytes: 4096,
  segmentBytes: 65_536,
  createdTime: 5,
  epoch: 7,
  start: 0,
  ownFrom: 0,
  isLed: false,
  slaves: ['b', 'c'],
  openings: ['00112233445566aa'],
};
