/** Every `bench:` command tells what it takes, and ends with one line where it cannot use what it was given. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as {
  scripts: Record<string, string>;
};
const PROGRAMS = Object.values(scripts).flatMap((script) => /dist\/bench\/\S+/.exec(script) ?? []);

function run(program: string, flag: string) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, flag], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test.each(PROGRAMS)('%s', (program) => {
  const help = run(program, '--help');
  expect(help).toMatchObject({ status: 0, stderr: '' });
  expect(help.stdout).toContain('bench:');
  const wrong = run(program, '--no-such-flag');
  expect(wrong.status).toBe(2);
  expect(wrong.stderr).not.toMatch(/^\s+at /m);
});
