/** A container with less memory than its broker comes to use: that is said at the start, and its end by the kernel loses nothing acked. */
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../native-free/time/index.js';
import { Load, missing } from '../cluster/load.js';
import type { Engine } from './engine.js';
import { PlainContainer } from './plain-container.js';
import { expectThat, type Report } from './report.js';

/** Enough to start and to take some megabytes; the ring alone is 64 MiB when it has filled. */
const SMALL = '160m';
const LARGE = '700m';
const BODY_BYTES = 32 * 1_024;
const KILLED_WITHIN_MS = 90_000;

export async function checkMemory(report: Report, engine: Engine): Promise<void> {
  for (const [flush, address] of [
    ['sync', '127.0.0.3'],
    ['async', '127.0.0.4'],
  ] as const) {
    const name = `small-${flush}`;
    const container = await PlainContainer.run(engine, {
      ...{ name, address, brokerFlags: ['--flush', flush] },
      flags: ['--memory', SMALL, '--memory-swap', SMALL],
    });
    try {
      await report.check(
        `a limit of ${SMALL} that is less than needed is said at the start (${flush} flush)`,
        async () => {
          const log = await container.log();
          const said = /comes to use about (\d+ MiB), and its container or machine has (\d+ MiB)/.exec(log);
          expectThat(said !== null, log);
          return `about ${said[1]} are needed, ${said[2]} are there`;
        },
      );
      await report.check(
        `killed by the kernel at its memory limit it loses nothing acked (${flush} flush)`,
        async () => {
          const client = await container.connect();
          const load = new Load(client.producer(), 'm', { bodyBytes: BODY_BYTES });
          try {
            await killed(container);
            const [status, isOutOfMemory] = [
              await container.state('ExitCode'),
              await container.state('OOMKilled'),
            ];
            expectThat(
              isOutOfMemory === 'true' && status === '137',
              `status ${status}, OOMKilled ${isOutOfMemory}`,
            );
            const acked = load.acked.size;
            await engine.docker(['update', '--memory', LARGE, '--memory-swap', LARGE, container.name]);
            await container.start();
            await load.more(50);
            await load.stop();
            expectThat(load.failed.length === 0, load.failed.slice(0, 3).join('\n'));
            const lost = await missing(client, 'all', load.acked);
            expectThat(
              lost.length === 0,
              `${lost.length} of ${acked} acked are lost: ${lost.slice(0, 5).join(' ')}`,
            );
            return `${acked} messages of ${BODY_BYTES / 1_024} KiB acked before it, none lost`;
          } finally {
            await load.stop();
            await client.close();
          }
        },
      );
    } finally {
      await container.remove();
    }
  }
}

async function killed(container: PlainContainer): Promise<void> {
  for (const until = monotonicMs() + KILLED_WITHIN_MS; monotonicMs() < until; await delay(200)) {
    if ((await container.state('Running')) === 'false') {
      return;
    }
  }
  throw new Error(`it lives after ${KILLED_WITHIN_MS} ms`);
}
