/** What a run shows while it runs: a line a second on stderr, and below it a progress bar where that is a terminal. */
import { SingleBar } from 'cli-progress';
import type { Second } from './meter.js';
import type { Workload } from './workload.js';

export interface Live {
  onSecond(second: Second): void;
  stop(): void;
}

export function startLive(workload: Workload): Live {
  const bar = process.stderr.isTTY === true ? startBar(workload) : null;
  return {
    onSecond: (second) => {
      const line = describeSecond(second);
      if (bar === null) {
        process.stderr.write(`${line}\n`);
      } else {
        // The bar's line is written over and drawn anew below.
        process.stderr.write(`\r\u001b[K${line}\n`);
        bar.update(Math.min(bar.getTotal(), progressOf(workload, second)), { phase: second.phase });
      }
    },
    stop: () => bar?.stop(),
  };
}

function startBar(workload: Workload): SingleBar {
  const bar = new SingleBar({
    format: '{bar} {percentage} % · {duration_formatted} · {phase}',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  const total =
    workload.backlogMessages > 0 ? workload.backlogMessages : workload.warmupSeconds + workload.testSeconds;
  bar.start(total, 0, { phase: 'warm-up' });
  return bar;
}

function progressOf(workload: Workload, second: Second): number {
  return workload.backlogMessages > 0 ? second.backlog : second.atSecond;
}

function describeSecond(second: Second): string {
  const rate = (value: number): string => value.toLocaleString('en-US').padStart(11);
  const failed = second.failed > 0 ? `  failed ${second.failed}` : '';
  return (
    `${second.atSecond.toFixed(0).padStart(4)} s ${second.phase.padEnd(7)}` +
    `  sent${rate(second.sentPerSecond)}/s  acked${rate(second.ackedPerSecond)}/s` +
    `  received${rate(second.receivedPerSecond)}/s  backlog${rate(second.backlog)}` +
    `  broker ${second.brokerCpuPercent.toFixed(0)} % ${(second.brokerRssBytes / 2 ** 20).toFixed(0)} MiB` +
    `  generator ${second.generatorCpuPercent.toFixed(0)} %${failed}`
  );
}
