import { defineConfig } from 'vitest/config';
import { chromiumPath } from './test/browser/find-chromium.ts';

// On a machine without Chromium the tests in a browser are left out, and that is said; CI has to have one.
const leavesOutBrowser = chromiumPath() === null && !process.env['CI'];
if (leavesOutBrowser) {
  process.once('exit', () => {
    process.stderr.write(
      'left out: the tests in a browser (test/browser, test/bench/report-page), for want of Chromium (apt-get install chromium-headless-shell)\n',
    );
  });
}

export default defineConfig({
  test: {
    include: ['dist/test/**/*.test.js'],
    exclude: leavesOutBrowser ? ['dist/test/browser/**', 'dist/test/bench/report-page.test.js'] : [],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
