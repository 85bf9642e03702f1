/** Each threat in SECURITY.md names the tests that show that it is met, and `npm run test:security` runs all of them. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const ROOT = `${import.meta.dirname}/../../..`;
const rows = readFileSync(`${ROOT}/SECURITY.md`, 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| threat '));
const { scripts } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as {
  scripts: Record<string, string>;
};
const run = (scripts['test:security'] ?? '').split(' ').filter((word) => word.startsWith('dist/'));

const testsOf = (row: string): string[] =>
  [...(row.split('|')[3] ?? '').matchAll(/`([^`]+)`/g)].map(([, path]) => path as string);

it('each threat names a test that is there', () => {
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) {
    expect(testsOf(row).length, row).toBeGreaterThan(0);
    for (const path of testsOf(row)) {
      expect(existsSync(`${ROOT}/${path}`), `${path}, of ${row}`).toBe(true);
    }
  }
});

it('all of them are run together, and nothing that is not there', () => {
  const built = (path: string): string => `dist/${path.replace(/\.ts$/, '.js')}`;
  for (const path of rows.flatMap(testsOf)) {
    const isRun = run.some((each) => built(path) === each || built(path).startsWith(`${each}/`));
    expect(isRun, `${path} by test:security`).toBe(true);
  }
  for (const each of run) {
    expect(existsSync(`${ROOT}/${each}`), each).toBe(true);
  }
});
