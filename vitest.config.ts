import { defineConfig } from 'vitest/config';
import { chromiumPath } from './test/browser/find-chromium.ts';
import { etcdPath } from './test/cluster/find-etcd.ts';

// On a machine without Chromium the tests in a browser are left out, and that is said; CI has to have one.
// The same goes for etcd.
const leavesOutBrowser = chromiumPath() === null && !process.env['CI'];
const leavesOutEtcd = etcdPath() === null && !process.env['CI'];
/** What `npm run test:long` runs (vitest.long.config.ts): minutes of processes that are killed. */
const LONG = 'dist/test/**/*.long.test.js';

export const leftOut = [
  ...(leavesOutBrowser ? ['dist/test/browser/**', 'dist/test/bench/report-page.test.js'] : []),
  ...(leavesOutEtcd ? ['dist/test/cluster/etcd/**'] : []),
];
process.once('exit', () => {
  if (leavesOutBrowser) {
    process.stderr.write(
      'left out: the tests in a browser (test/browser, test/bench/report-page), for want of Chromium (apt-get install chromium-headless-shell)\n',
    );
  }
  if (leavesOutEtcd) {
    process.stderr.write(
      'left out: the tests with a controller (test/cluster/etcd), for want of etcd (apt-get install etcd-server)\n',
    );
  }
});

/**
 * What runs on threads and objects of its own, and leaves nothing behind in its process: these files take
 * turns in a few processes, which load what they test once. The others have a process each.
 */
const TOGETHER = [
  'dist/test/{access,api,batch,bench,cli,cluster,control,data,disk,docs,find,group,hostile,lane,log,meta,persist,queue,replica,ring,stats,thread,walls}/**/*.test.js',
  // Left out: one that hears all warnings of its process, and one that looks at what its memory still holds.
  'dist/test/client/**/!(abort|many-producers).test.js',
  // Left out: those that look at the descriptors of their process.
  'dist/test/faults/**/!(descriptors|half-open).test.js',
  // Left out: one that counts the memory of its process.
  'dist/test/transport/**/!(http-share).test.js',
];

/** The same, and brokers of each kind besides. Left out: one that wedges threads, and one that looks at all that a client is made of. */
const CONFORMANCE = 'dist/test/conformance/**/!(threads|odd-values).test.js';

const takeTurns = {
  isolate: false,
  setupFiles: ['dist/test/fresh-modules.js'],
  sequence: { setupFiles: 'list' as const },
};

export default defineConfig({
  test: {
    exclude: [...leftOut, LONG],
    pool: 'forks',
    setupFiles: ['dist/test/leave-nothing.js'],
    // What is tested is built already: Node imports it as it is, as it does for users, and in a third of the
    // time.
    server: { deps: { external: [/\/dist\/(?!test\/)/] } },
    // On two cores: a third of the time tests wait, for processes that start and leases that end.
    maxWorkers: 3,
    // What hangs is found all the same; how fast a machine is decides nothing.
    testTimeout: 120_000,
    // What is awaited by looks is so, too; less than the above, so that it is told what was seen last.
    expect: { poll: { timeout: 110_000 } },
    hookTimeout: 120_000,
    teardownTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'apart',
          include: ['dist/test/**/*.test.js'],
          exclude: [...TOGETHER, CONFORMANCE],
        },
      },
      { extends: true, test: { name: 'together', include: TOGETHER, ...takeTurns } },
      {
        extends: true,
        test: {
          name: 'conformance',
          include: [CONFORMANCE],
          ...takeTurns,
          environment: './dist/test/conformance/process.js',
        },
      },
    ],
  },
});
