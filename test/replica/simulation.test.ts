import { expect, it } from 'vitest';
import { Simulation } from './simulation.js';

const SCHEDULES = Number(process.env['RINGMQ_SCHEDULES'] ?? 300);
const FIRST = Number(process.env['RINGMQ_SEED'] ?? 1);

it(`${SCHEDULES} schedules: what is acked is on slaves, and the logs end the same`, async () => {
  let acked = 0;
  for (let seed = FIRST; seed < FIRST + SCHEDULES; seed++) {
    const outcome = await new Simulation(seed).run(400);
    expect(outcome.problem, `RINGMQ_SEED=${seed} RINGMQ_SCHEDULES=1`).toBeNull();
    acked += outcome.acked;
  }
  // It is no proof if nothing happens.
  expect(acked).toBeGreaterThan(SCHEDULES * 1_000);
});

/**
 * Schedules that found something once: retention that passed what was acked, a slave whose log reaches back
 * further than its master's, a slave in sync that lacks what another one's ack was for, a slave whose state
 * is of a term that is no more while its log is empty.
 */
it.each([45_029, 53_269, 71_211, 79_108, 93_546, 103_481, 13_273, 37_230, 54_522])(
  'seed %i',
  async (seed) => {
    expect((await new Simulation(seed).run(400)).problem).toBeNull();
  },
);
