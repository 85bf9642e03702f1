/** What a test has started ends with its file, also what nobody knows any more. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { endStarted, startedWith } from './left-behind.js';

it.skipIf(process.platform !== 'linux')(
  'a process whose parent has gone is found and ended, and nobody else is',
  async () => {
    const [mine, other] = [mkdtempSync(join(tmpdir(), 'mine-')), mkdtempSync(join(tmpdir(), 'other-'))];
    const bystander = spawn('sleep', ['60'], { env: { ...process.env, TMPDIR: other }, stdio: 'ignore' });
    const parent = spawn('/bin/sh', ['-c', 'sleep 60 >/dev/null 2>&1 & echo $!'], {
      env: { ...process.env, TMPDIR: mine },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    const [orphan] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    await once(parent, 'close');
    expect(startedWith(mine)).toEqual([Number(orphan)]);
    await endStarted(mine);
    expect(startedWith(mine)).toEqual([]);
    expect(startedWith(other)).toEqual([bystander.pid]);
    const gone = once(bystander, 'exit');
    bystander.kill();
    await gone;
  },
);
