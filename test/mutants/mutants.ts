/** Each breaks one rule of replication or failover in the built code, and a test that is named has to find it. */

export interface Mutant {
  name: string;
  /** Below `dist`. */
  file: string;
  /** Stands there once. */
  find: string;
  replace: string;
  /** Below `dist/test`. */
  test: string;
  /** What of that file has to fail: the beginning of its title, or of one around it. */
  title: string;
  /** Settings that make it quick. */
  env?: Record<string, string>;
  needsEtcd?: boolean;
}

const SIMULATION = {
  test: 'replica/simulation.test.js',
  title: '100 schedules',
  env: { RINGMQ_SCHEDULES: '100' },
};

export const MUTANTS: Mutant[] = [
  {
    name: 'acks before a slave has received',
    file: 'engine/term/replica-marks.js',
    find: 'wanted === 0 ? local : earlier(local, found[wanted - 1])',
    replace: 'local',
    ...SIMULATION,
  },
  {
    name: 'acks before a slave has it on disk where that was promised',
    file: 'engine/term/replica-marks.js',
    find: 'Atomics.load(this.words, at + REPLICA_WORD[level]);\n            let i',
    replace: 'Atomics.load(this.words, at + REPLICA_WORD.received);\n            let i',
    ...SIMULATION,
  },
  {
    name: 'a slave says that it has what is in its ring alone',
    file: 'broker/follower/follower-session.js',
    find: 'const { written } = log;',
    replace: 'const written = log.end;',
    ...SIMULATION,
  },
  {
    name: 'a replica counts twice: a row for each connection',
    file: 'engine/replica/replica-desk.js',
    find: 'const known = this.#names.indexOf(name);',
    replace: 'const known = -1;',
    test: 'replica/replica-desk.test.js',
    title: 'counts a slave once',
  },
  {
    name: 'a replica counts by what its older connection says',
    file: 'engine/replica/replica-row.js',
    find: 'return Atomics.load(this.#words, this.#at + REPLICA_WORD.link) !== this.#link;',
    replace: 'return false;',
    test: 'replica/in-sync.test.js',
    title: 'counts a slave once',
  },
  {
    name: 'no fencing: a master does not mind a slave that knows a later one',
    file: 'engine/replica/handshake.js',
    find: 'if (slave.epoch > master.epoch)',
    replace: 'if (slave.epoch > Infinity)',
    test: 'replica/replica-desk.test.js',
    title: 'is a master’s alone',
  },
  {
    name: 'no fencing: a slave takes log of an earlier term',
    file: 'engine/replica/follower.js',
    find: 'if (readUint32(frame, at + BATCH.epoch) < this.#epoch)',
    replace: 'if (readUint32(frame, at + BATCH.epoch) < 0)',
    test: 'replica/follower.test.js',
    title: 'takes nothing of an earlier term',
  },
  {
    name: 'a new slave begins at the newest segment',
    file: 'engine/replica/handshake.js',
    find: "isNew) !== 0) {\n        return { kind: 'anew', position: master.start };",
    replace:
      "isNew) !== 0) {\n        return { kind: 'anew', position: Math.max(master.start, Math.floor(master.end / master.spanBytes) * master.spanBytes) };",
    test: 'replica/replica-desk.test.js',
    title: 'has a new slave begin with the oldest',
  },
  {
    name: 'a lease lasts from its answer',
    file: 'engine/cluster/lease-judge.js',
    find: 'Math.max(this.#untilMs, sentAtMs +',
    replace: 'Math.max(this.#untilMs, performance.now() +',
    test: 'cluster/leadership.test.js',
    title: 'lasts from when the answered keep-alive was sent',
  },
  {
    name: 'a lease is judged by the wall clock',
    file: 'engine/cluster/etcd/etcd-client.js',
    find: "import { clearTimeout, monotonicMs, setTimeout } from '../../../native-free/time/index.js';",
    replace:
      "import { clearTimeout, monotonicMs as steadyMs, setTimeout } from '../../../native-free/time/index.js';\nconst beganMs = Date.now() - steadyMs();\nconst monotonicMs = () => Date.now() - beganMs;",
    test: 'cluster/etcd/leader-loop.test.js',
    title: 'the wall clock does not matter',
    needsEtcd: true,
  },
];
