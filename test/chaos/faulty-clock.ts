/**
 * Loaded into a broker's process before anything else (`node --import`), on each of its threads: its wall
 * clock is off by as many milliseconds as a file says. The monotonic clock is not touched, as with a step of
 * a machine's clock.
 */
import { readFileSync } from 'node:fs';

/** Environment variable with the file's path. */
const CONTROL = process.env['RINGMQ_TEST_CLOCK'] ?? '';
/** Between two looks into the file. */
const LOOK_MS = 50;

if (CONTROL !== '') {
  const now = Date.now;
  let offMs = 0;
  let lookedAt = -LOOK_MS;
  Date.now = () => {
    if (performance.now() - lookedAt >= LOOK_MS) {
      lookedAt = performance.now();
      try {
        offMs = Number(readFileSync(CONTROL, 'utf8'));
      } catch {
        offMs = 0;
      }
    }
    return now() + offMs;
  };
}
