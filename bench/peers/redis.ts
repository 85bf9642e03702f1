/** Redis Streams, on one node, driven by its own load tool. */
import { randomBytes } from 'node:crypto';
import { freemem } from 'node:os';
import { join } from 'node:path';
import type { BenchCache } from './cache.js';
import { calibrated } from './calibrated.js';
import { type DebianTree, debianPackages, debianVersion } from './debian.js';
import { streamCount } from './one-stream.js';
import type { Durability, Figure, Peer, RunningPeer, Work } from './peer.js';
import { freePort, runCommand, Service } from './processes.js';
import { benchmarkRow, groupProgress } from './redis-output.js';

/** Connections and requests in flight on each, at which its rate levels off. */
const CLIENTS = 8;
const PIPELINE = 128;
/** Entries a read takes, and reads in flight, so that neither side waits for the other. */
const READ_COUNT = 1_000;
const READS_IN_FLIGHT = 4;
/** A stream lies in memory: rate runs keep about so many entries of it. */
const KEPT_ENTRIES = 100_000;
/** What an entry takes beside its body, with room to spare. */
const ENTRY_OVERHEAD_BYTES = 64;
/** Messages of the run that says how many take the asked seconds. */
const FIRST_COUNT = 300_000;
const FIRST_REQUESTS = 30_000;

const SHARED_SETTINGS = [
  'appendonly yes, save "": every XADD goes to the append-only file, and there are no snapshots beside it',
  'auto-aof-rewrite-percentage 0: the file is not rewritten while it is measured; durability is the same',
  `MAXLEN ~ ${KEPT_ENTRIES} (rate runs): a stream lies in memory, so old entries are dropped; the file keeps what was appended`,
];

export const redis: Peer = {
  system: 'redis',
  title: 'Redis Streams',
  isRival: true,
  durabilities: ['page-cache', 'disk'],
  settings: {
    'page-cache': [
      'appendfsync everysec (default): written to the file (page cache) before the reply, on disk within about a second',
      ...SHARED_SETTINGS,
    ],
    disk: [
      'appendfsync always: fdatasync before the reply; what one turn of its loop has read shares it',
      ...SHARED_SETTINGS,
    ],
  },

  install: async (cache) => debianVersion(await tree(cache), 'redis-server'),

  start: (cache, directory, durability) => RunningRedis.start(cache, directory, durability),
};

function tree(cache: BenchCache): Promise<DebianTree> {
  return debianPackages(cache, 'debian-redis', ['redis-server', 'redis-tools']);
}

class RunningRedis implements RunningPeer {
  readonly url: string;
  readonly #server: Service;
  readonly #tree: DebianTree;
  readonly #port: number;
  #streamCount = 0;

  private constructor(server: Service, programs: DebianTree, port: number) {
    this.#server = server;
    this.#tree = programs;
    this.#port = port;
    this.url = `redis://127.0.0.1:${port}`;
  }

  static async start(cache: BenchCache, directory: string, durability: Durability): Promise<RunningRedis> {
    const programs = await tree(cache);
    const port = await freePort();
    const args = ['--bind', '127.0.0.1', '--port', port, '--dir', directory, '--daemonize', 'no'];
    args.push('--appendonly', 'yes', '--save', '', '--auto-aof-rewrite-percentage', 0);
    args.push('--appendfsync', durability === 'disk' ? 'always' : 'everysec');
    const server = new Service(join(programs.root, 'usr/bin/redis-server'), args, { env: programs.env });
    const running = new RunningRedis(server, programs, port);
    try {
      await server.until(() => server.output.includes('Ready to accept connections'));
    } catch (error) {
      await server.stop();
      throw error;
    }
    return running;
  }

  get pids(): readonly number[] {
    return [this.#server.pid];
  }

  async run(work: Work): Promise<Figure | null> {
    switch (work.kind) {
      case 'max-rate': {
        const streams = streamCount(work);
        return this.#add(work, FIRST_COUNT, streams, ['-c', CLIENTS, '-P', PIPELINE]);
      }
      case 'request':
        return this.#add(work, FIRST_REQUESTS, 1, ['-c', work.producers, '-P', 1]);
      case 'drain':
        if (work.count * (work.sizeBytes + ENTRY_OVERHEAD_BYTES) > freemem() / 2) {
          return null;
        }
        return this.#drain(work.sizeBytes, work.count);
    }
  }

  /** Adds messages for about so long, spread by chance over so many streams. */
  #add(
    work: { sizeBytes: number; seconds: number },
    firstCount: number,
    streams: number,
    load: readonly (string | number)[],
  ): Promise<Figure> {
    const key = streams === 1 ? this.#newStream() : `${this.#newStream()}:__rand_int__`;
    const spread = streams === 1 ? [] : ['-r', streams];
    const kept = Math.max(Math.floor(KEPT_ENTRIES / streams), 100);
    const command = ['XADD', key, 'MAXLEN', '~', kept, '*', 'b'];
    return calibrated(work.seconds, firstCount, (count) =>
      this.#benchmark([...load, '-n', count, ...spread, ...command], bodyOf(work.sizeBytes)),
    );
  }

  /**
   * The stream is read through a group, which remembers how far it is: so reads can be in flight one behind
   * the other, and each entry is delivered once.
   */
  async #drain(sizeBytes: number, count: number): Promise<Figure> {
    const key = this.#newStream();
    const pile = ['-c', CLIENTS, '-P', PIPELINE, '-n', count, 'XADD', key, '*', 'b'];
    await this.#benchmark(pile, bodyOf(sizeBytes));
    await this.#command('XGROUP', 'CREATE', key, 'bench', '0');
    const reads = Math.ceil(count / READ_COUNT);
    const read = ['XREADGROUP', 'GROUP', 'bench', 'consumer', 'COUNT', READ_COUNT, 'NOACK', 'STREAMS', key];
    const figure = await this.#benchmark(['-c', 1, '-P', READS_IN_FLIGHT, '-n', reads, ...read], '>');
    const { entriesRead } = groupProgress(await this.#command('XINFO', 'GROUPS', key));
    if (entriesRead < count) {
      throw new Error(`only ${entriesRead} of ${count} entries were read`);
    }
    await this.#command('DEL', key);
    const messagesPerSecond = figure.messagesPerSecond * (count / reads);
    return { ...figure, messagesPerSecond, p50Ms: null, p99Ms: null };
  }

  /** `last` is the last argument, which the command for people leaves out when it is a body. */
  async #benchmark(args: readonly (string | number)[], last: string): Promise<Figure> {
    const program = join(this.#tree.root, 'usr/bin/redis-benchmark');
    const shape = ['--csv', '--precision', 3, ...args];
    const printed = await runCommand(program, ['-p', this.#port, ...shape, last], { env: this.#tree.env });
    const shown = last === '>' ? last : `<${last.length} B>`;
    return {
      ...benchmarkRow(printed),
      api: 'redis-benchmark',
      command: ['redis-benchmark', ...shape, shown].join(' '),
    };
  }

  #command(...args: string[]): Promise<string> {
    const program = join(this.#tree.root, 'usr/bin/redis-cli');
    return runCommand(program, ['-p', this.#port, ...args], { env: this.#tree.env });
  }

  #newStream(): string {
    return `bench-${this.#streamCount++}`;
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }
}

/** Random, in characters that a command line can carry. */
function bodyOf(sizeBytes: number): string {
  return randomBytes(sizeBytes).toString('base64url').slice(0, sizeBytes);
}
