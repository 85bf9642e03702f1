/**
 * Tests of properties, over histories that a seed makes. The same ones in each run, so that a change is what
 * makes a test fail; `RINGMQ_PROPERTY_SEED=random` looks at others, and `RINGMQ_PROPERTY_SEED=N` at those
 * that a failure named.
 */
import { fc, test } from '@fast-check/vitest';

const given = process.env['RINGMQ_PROPERTY_SEED'] ?? '1';
fc.configureGlobal({ seed: given === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(given) });

export { fc, test };
