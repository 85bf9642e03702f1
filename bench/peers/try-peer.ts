/**
 * One system, one measurement, by hand: `node dist/bench/peers/try-peer.js SYSTEM DURABILITY KIND [options]`.
 * Kinds: `max-rate`, `request`, `drain`. Options: `--size BYTES` (100), `--seconds N` (10), `--topics N` (1),
 * `--queues N` (4), `--producers N` (64), `--count N` (1000000). Prints one JSON object.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BenchCache } from './cache.js';
import type { Durability, Work } from './peer.js';
import { PEERS, REPLICATED_PEERS } from './peers.js';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '10' },
    topics: { type: 'string', default: '1' },
    queues: { type: 'string', default: '4' },
    producers: { type: 'string', default: '64' },
    count: { type: 'string', default: '1000000' },
  },
});
const [system, durability, kind] = positionals as [string?, Durability?, string?];

function chooseWork(): Work | undefined {
  const sizeBytes = Number(flags.size);
  const seconds = Number(flags.seconds);
  switch (kind) {
    case 'max-rate':
      return { kind, sizeBytes, seconds, topics: Number(flags.topics), queues: Number(flags.queues) };
    case 'request':
      return { kind, sizeBytes, seconds, producers: Number(flags.producers) };
    case 'drain':
      return { kind, sizeBytes, count: Number(flags.count) };
    default:
      return undefined;
  }
}

const ALL = [...PEERS, ...REPLICATED_PEERS];
const peer = ALL.find((each) => each.system === system);
const work = chooseWork();
if (peer === undefined || work === undefined || !peer.durabilities.some((each) => each === durability)) {
  const known = ALL.map((each) => `${each.system} ${each.durabilities.join('|')}`).join('\n  ');
  process.stderr.write(`try-peer SYSTEM DURABILITY max-rate|request|drain [--size …]\n  ${known}\n`);
  process.exit(2);
}

const cache = new BenchCache();
const version = await peer.install(cache);
const directory = mkdtempSync(join(tmpdir(), 'ringmq-bench-'));
try {
  const running = await peer.start(cache, directory, durability as Durability);
  try {
    const figure = await running.run(work);
    const { url, pids } = running;
    process.stdout.write(
      `${JSON.stringify({ system, version, durability, work, url, pids, figure }, null, 2)}\n`,
    );
  } finally {
    await running.stop();
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
