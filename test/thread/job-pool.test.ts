/** Jobs on a thread of their own, while the pool is being closed. */
import { expect, it } from 'vitest';
import { JobPool } from '../../engine/thread/job-pool.js';

const JOB = new URL('./job.js', import.meta.url);

it('a job whose thread is still starting is done when the pool closes', async () => {
  const pool = new JobPool({ file: JOB, idleMs: 60_000 });
  const done = pool.run(7);
  await pool.close();
  expect(await done).toBe(7);
});

it('of those whose thread is still starting the first is done, and others are refused, where the pool refuses who waits', async () => {
  const pool = new JobPool({ file: JOB, idleMs: 60_000 });
  const first = pool.run(7);
  const second = pool.run(8).then(
    () => 'done',
    () => 'refused',
  );
  await pool.close({ refusesWaiting: true });
  expect([await first, await second]).toEqual([7, 'refused']);
});

it('a pool that had no job closes at once', async () => {
  await new JobPool({ file: JOB, idleMs: 60_000 }).close();
});
