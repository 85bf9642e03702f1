/** ZeroMQ push/pull: no broker and nothing kept, so a ceiling, not a peer. */

import { cProgram } from './c-program.js';
import type { BenchCache } from './cache.js';
import { type DebianTree, debianPackages, debianVersion } from './debian.js';
import type { Figure, Peer, RunningPeer, Work } from './peer.js';
import { runCommand } from './processes.js';

const WARM_UP_SECONDS = 1;

export const zeromq: Peer = {
  system: 'zeromq',
  title: 'ZeroMQ push/pull',
  isRival: false,
  durabilities: ['memory'],
  settings: {
    memory: [
      'push/pull over TCP between two processes: no broker, no ack, nothing on disk; what is queued is gone with either process',
    ],
  },

  async install(cache) {
    const programs = await tree(cache);
    await program(cache, programs);
    return debianVersion(programs, 'libzmq5');
  },

  start: async (cache) => new ZeroMQ(cache),
};

/** Messages a second between two threads of one process over `inproc`, for the comparison of what runs inside a process. */
export async function measureInproc(cache: BenchCache, sizeBytes: number, seconds: number): Promise<number> {
  return measure(cache, 'inproc', sizeBytes, seconds);
}

function tree(cache: BenchCache): Promise<DebianTree> {
  return debianPackages(cache, 'debian-zeromq', ['libzmq3-dev', 'libzmq5']);
}

function program(cache: BenchCache, programs: DebianTree): Promise<string> {
  return cProgram(cache, programs, 'zeromq-load', ['zmq']);
}

async function measure(
  cache: BenchCache,
  transport: 'inproc' | 'tcp',
  sizeBytes: number,
  seconds: number,
): Promise<number> {
  const programs = await tree(cache);
  const path = await program(cache, programs);
  const printed = await runCommand(path, [transport, sizeBytes, WARM_UP_SECONDS, seconds], {
    env: programs.env,
    timeoutMs: (seconds + 60) * 1_000,
  });
  const rate = Number(printed.trim());
  if (!(rate > 0)) {
    throw new Error(`zeromq-load printed no rate: ${printed.slice(-2000)}`);
  }
  return rate;
}

/** There is no server: the two processes of the load program are all there is. */
class ZeroMQ implements RunningPeer {
  readonly url = 'tcp://127.0.0.1';
  readonly pids: readonly number[] = [];
  readonly #cache: BenchCache;

  constructor(cache: BenchCache) {
    this.#cache = cache;
  }

  async run(work: Work): Promise<Figure | null> {
    // Nothing is acked, nothing is kept, and there are no topics.
    if (work.kind !== 'max-rate' || work.topics > 1) {
      return null;
    }
    const messagesPerSecond = await measure(this.#cache, 'tcp', work.sizeBytes, work.seconds);
    const command = `zeromq-load tcp ${work.sizeBytes} ${WARM_UP_SECONDS} ${work.seconds}`;
    return { messagesPerSecond, p50Ms: null, p99Ms: null, api: 'zmq_send', command };
  }

  async stop(): Promise<void> {}
}
