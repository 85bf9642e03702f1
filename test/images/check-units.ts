/** The systemd units: whether systemd knows every line of them. Only where there is `systemd-analyze`. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { find, run } from './command.js';
import { expectThat, type Report } from './report.js';

export async function checkUnits(report: Report, root: string): Promise<void> {
  if (find('systemd-analyze') === null) {
    process.stdout.write('left out: the units are not verified, as there is no systemd-analyze here\n');
    return;
  }
  const folder = join(root, 'deploy/systemd');
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.service'))) {
    await report.check(`systemd knows every line of ${name}`, async () => {
      const work = mkdtempSync(join(tmpdir(), 'ringmq-units-'));
      try {
        const file = join(work, name);
        // Node need not lie here where the unit has it.
        const unit = readFileSync(join(folder, name), 'utf8').replaceAll('/usr/bin/node', process.execPath);
        writeFileSync(file, unit);
        const { status, stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', file]);
        // A line that it does not know is told of, and no failure.
        const told = `${stdout}\n${stderr}`.split('\n').filter((line) => line.includes(name));
        expectThat(status === 0 && told.length === 0, stderr);
        return undefined;
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    });
  }
}
