import { expect, test } from 'vitest';
import type { SetMember } from '../../engine/cluster/set-member.js';
import type { SetStore } from '../../engine/cluster/set-store.js';
import { LeaderMachine, type LeaderRun, type Mutation } from './leader-machine.js';

const SEED = Number(process.env['RINGMQ_SEED'] ?? 0);
const RUNS = Number(process.env['RINGMQ_SIMULATIONS'] ?? 100);

/** The first run with a fault, by its seed. */
async function firstFault(
  runs: number,
  mutation?: Mutation,
  losesDisk = false,
): Promise<(LeaderRun & { seed: number }) | null> {
  for (let i = 0; i < runs; i++) {
    const seed = SEED === 0 ? i + 1 : SEED;
    const run = await new LeaderMachine(seed, 1, mutation, losesDisk).run();
    if (run.faults.length > 0) {
      return { seed, ...run };
    }
  }
  return null;
}

test('whatever is paused, cut, crashed or lost: nothing acked is lost, and a master that was replaced acks nothing', {
  timeout: 600_000,
}, async () => {
  expect(await firstFault(SEED === 0 ? RUNS : 1)).toBeNull();
});

test('one comes back with an empty disk, or an older copy of its own: nothing acked is lost by it', {
  timeout: 600_000,
}, async () => {
  expect(await firstFault(SEED === 0 ? RUNS : 1, {}, true)).toBeNull();
});

test('a mutant is caught: a member stands for the set whatever directory it has', {
  timeout: 120_000,
}, async () => {
  const anyDirectory: Mutation = {
    member: (member) =>
      memberWith(member, { state: () => ({ ...member.state(), opening: undefined, openings: undefined }) }),
  };
  expect(await firstFault(300, anyDirectory, true)).not.toBeNull();
});

test('the schedules do their work: masters change, messages are acked', async () => {
  const runs = await Promise.all([1, 2, 3, 4, 5].map((seed) => new LeaderMachine(seed).run()));
  expect(runs.reduce((sum, { terms }) => sum + terms, 0)).toBeGreaterThan(8);
  expect(runs.reduce((sum, { acked }) => sum + acked, 0)).toBeGreaterThan(1_000);
});

/** The same store with one call replaced. */
function storeWith(store: SetStore, change: Partial<SetStore>): SetStore {
  return {
    read: () => store.read(),
    grantLease: (ttlSeconds) => store.grantLease(ttlSeconds),
    keepAlive: (lease) => store.keepAlive(lease),
    revokeLease: (lease) => store.revokeLease(lease),
    announce: (candidate, lease) => store.announce(candidate, lease),
    take: (view, leader, inSync, lease) => store.take(view, leader, inSync, lease),
    writeInSync: (view, leader, inSync) => store.writeInSync(view, leader, inSync),
    watch: (onChange) => store.watch(onChange),
    close: () => store.close(),
    ...change,
  };
}

/** The same member with some of it replaced; what it does it does as before. */
function memberWith(member: SetMember, change: Partial<SetMember>): SetMember {
  return {
    name: member.name,
    url: member.url,
    mayFound: member.mayFound,
    minInSync: member.minInSync,
    mayDegrade: member.mayDegrade,
    state: () => member.state(),
    standStill: () => member.standStill(),
    follow: (leader) => member.follow(leader),
    lead: (epoch) => member.lead(epoch),
    mayAckUntil: (untilMs) => member.mayAckUntil(untilMs),
    waitsFor: (why) => member.waitsFor(why),
    takePart: () => member.takePart(),
    countAcksBy: (rule) => member.countAcksBy(rule),
    followers: () => member.followers(),
    tell: (message, details) => member.tell(message, details),
    ...change,
  };
}

/** Each breaks one rule, and has to be found. */
const MUTANTS: [string, Mutation][] = [
  [
    'a master acks as long as nobody told it to stop',
    { member: (member) => memberWith(member, { mayAckUntil: () => member.mayAckUntil(Number.MAX_VALUE) }) },
  ],
  [
    'whoever is in sync by the master alone counts for acks before etcd has it',
    {
      member: (member) =>
        memberWith(member, {
          countAcksBy: (rule) => member.countAcksBy({ ...rule, members: ['a', 'a-slave-1', 'a-slave-2'] }),
        }),
    },
  ],
  [
    'a slave takes the set without hearing the others',
    {
      store: (store, node) =>
        storeWith(store, {
          read: async () => ({ ...(await store.read()), inSync: { members: [node.name], required: 1 } }),
        }),
    },
  ],
  [
    'ends that were said in an earlier time without a master count',
    {
      store: (store) =>
        storeWith(store, {
          read: async () => {
            const view = await store.read();
            const candidates = view.candidates.map((candidate) => ({
              ...candidate,
              after: view.termRevision,
            }));
            return { ...view, candidates };
          },
        }),
    },
  ],
];

test.each(MUTANTS)('a mutant is caught: %s', { timeout: 120_000 }, async (_name, mutation) => {
  expect(await firstFault(300, mutation)).not.toBeNull();
});
