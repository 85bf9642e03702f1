/** A broker that is process 1 of its container, without an init before it. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../native-free/time/index.js';
import { Load, missing } from '../cluster/load.js';
import type { Engine } from './engine.js';
import { PlainContainer } from './plain-container.js';
import { expectThat, type Report } from './report.js';

const STOP_MS = 20_000;
const CALLS = 12;
const HEALTHY_WITHIN_MS = 40_000;

export async function checkPlain(report: Report, engine: Engine): Promise<void> {
  const container = await PlainContainer.run(engine, { name: 'plain', address: '127.0.0.2' });
  const client = await container.connect();
  const load = new Load(client.producer());
  try {
    await report.check(
      'process 1 leaves no zombies behind, whatever is called in its container',
      async () => {
        for (let i = 0; i < CALLS; i++) {
          await engine.docker(['exec', container.name, 'ringmq', '--version']);
        }
        const processes = JSON.parse(
          await container.node(`
          import { readdirSync, readFileSync } from 'node:fs';
          const pids = readdirSync('/proc').filter((name) => /^\\d+$/.test(name));
          const stats = pids.map((pid) => readFileSync('/proc/' + pid + '/stat', 'utf8'));
          console.log(JSON.stringify(stats.map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0])));
        `),
        ) as string[];
        // Process 1, and the one that looks.
        expectThat(processes.length === 2 && !processes.includes('Z'), `states: ${processes.join(' ')}`);
        return undefined;
      },
    );
    await report.check('the health check of the image says that it is well', async () => {
      for (const until = monotonicMs() + HEALTHY_WITHIN_MS; monotonicMs() < until; await delay(250)) {
        if ((await container.state('Health.Status')) === 'healthy') {
          return undefined;
        }
      }
      throw new Error(await engine.inspect(container.name, '{{json .State.Health}}'));
    });
    await report.check('SIGTERM under load drains process 1 and loses nothing acked', async () => {
      await load.more(500);
      const id = await engine.inspect(container.name, '{{.Id}}');
      const since = monotonicMs();
      await engine.docker(['stop', '-t', String(STOP_MS / 1_000), container.name]);
      const ms = Math.round(monotonicMs() - since);
      const status = await container.state('ExitCode');
      expectThat(
        status === '0',
        `it ended with ${status} after ${ms} ms: ${(await container.log()).slice(-500)}`,
      );
      const left = processesOf(id);
      expectThat(left.length === 0, `processes of it are left: ${left.join(', ')}`);
      await container.start();
      await load.more(100);
      await load.stop();
      expectThat(load.failed.length === 0, load.failed.slice(0, 3).join('\n'));
      const lost = await missing(client, 'all', load.acked);
      expectThat(
        lost.length === 0,
        `${lost.length} of ${load.acked.size} acked are lost: ${lost.slice(0, 5).join(' ')}`,
      );
      return `${load.acked.size} acked, none lost, stopped with 0 in ${ms} ms`;
    });
  } finally {
    await load.stop();
    await client.close();
    await container.remove();
  }
}

/** Numbers of processes in the control group of a container. */
function processesOf(id: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(id);
      } catch {
        // It has ended meanwhile.
        return false;
      }
    });
}
