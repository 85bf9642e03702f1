import type { MicroSuite } from '../micro-case.js';
import { batchSuite } from './batch.js';
import { checksumSuite } from './checksum.js';
import { clientSuite } from './client.js';
import { filterSuite } from './filter.js';
import { frameSuite } from './frame.js';
import { indexSuite } from './index-stage.js';
import { ringSuite } from './ring.js';

/** In the order a message meets them. */
export const SUITES: readonly MicroSuite[] = [
  batchSuite,
  checksumSuite,
  frameSuite,
  ringSuite,
  indexSuite,
  filterSuite,
  clientSuite,
];
