/** NATS JetStream: one server, driven by its own command. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCache } from './cache.js';
import { calibrated } from './calibrated.js';
import { goProgram } from './go-install.js';
import { benchStatistics } from './nats-output.js';
import { streamCount } from './one-stream.js';
import type { Durability, Figure, Peer, RunningPeer, Work } from './peer.js';
import { freePort, runCommand, Service } from './processes.js';

const VERSION = '2.14.8';
const TOOL_VERSION = '0.5.1';

/** Ways to publish with many messages in flight; which is faster differs with the durability, so both are tried. */
const PUBLISHERS = [
  ['fast', '--clients', 2, '--batch', 2_000],
  ['async', '--clients', 2, '--batch', 2_000],
] as const;
/** Ways to read a stream back. */
const READERS = [
  ['consume', '--acks', 'none', '--batch', 5_000],
  ['ordered', '--batch', 5_000],
] as const;
/** Messages of the runs that say which publisher is faster, and how many take the asked seconds. */
const FIRST_COUNT = { memory: 0, 'page-cache': 200_000, disk: 10_000 } as const;
const FIRST_REQUESTS = 20_000;

export const nats: Peer = {
  system: 'nats',
  title: 'NATS JetStream',
  isRival: true,
  durabilities: ['page-cache', 'disk'],
  settings: {
    'page-cache': [
      'storage=file, replicas=1: written to the file (page cache) before the ack',
      'sync_interval unset (default, 2 minutes): a power cut loses acked messages',
      'bench js pub fast or async, whichever is faster here: many messages in flight; no part of durability',
    ],
    disk: [
      'storage=file, replicas=1, sync_interval: always: fsync after each write, before the ack',
      'bench js pub fast or async, whichever is faster here: many messages in flight; no part of durability',
    ],
  },

  async install(cache) {
    await programs(cache);
    return VERSION;
  },

  start: (cache, directory, durability) => RunningNats.start(cache, directory, durability),
};

async function programs(cache: BenchCache): Promise<{ server: string; tool: string }> {
  const server = await goProgram(cache, 'github.com/nats-io/nats-server/v2', VERSION);
  const tool = await goProgram(cache, 'github.com/nats-io/natscli/nats', TOOL_VERSION);
  return { server: join(server, 'nats-server'), tool: join(tool, 'nats') };
}

class RunningNats implements RunningPeer {
  readonly url: string;
  readonly #server: Service;
  readonly #tool: string;
  readonly #directory: string;
  readonly #firstCount: number;
  #streamCount = 0;

  private constructor(server: Service, url: string, tool: string, directory: string, firstCount: number) {
    this.#server = server;
    this.#tool = tool;
    this.#directory = directory;
    this.#firstCount = firstCount;
    this.url = url;
  }

  static async start(cache: BenchCache, directory: string, durability: Durability): Promise<RunningNats> {
    const { server: program, tool } = await programs(cache);
    const port = await freePort();
    const configuration = join(directory, 'nats.conf');
    const sync = durability === 'disk' ? 'sync_interval: always' : '';
    writeFileSync(
      configuration,
      `host: 127.0.0.1\nport: ${port}\njetstream {\n  store_dir: "${join(directory, 'jetstream')}"\n  max_file: 64GB\n  ${sync}\n}\n`,
    );
    const server = new Service(program, ['-c', configuration], { cwd: directory });
    try {
      await server.until(() => server.output.includes('Server is ready'));
    } catch (error) {
      await server.stop();
      throw error;
    }
    return new RunningNats(server, `nats://127.0.0.1:${port}`, tool, directory, FIRST_COUNT[durability]);
  }

  get pids(): readonly number[] {
    return [this.#server.pid];
  }

  async run(work: Work): Promise<Figure> {
    const { stream, shape } = this.#newStream(work.sizeBytes);
    switch (work.kind) {
      case 'max-rate': {
        const subjects = streamCount(work);
        const spread = subjects === 1 ? [] : ['--multisubject', '--multisubjectmax', subjects];
        const publish = (publisher: readonly (string | number)[], count: number): Promise<Figure> =>
          this.#bench(['pub', ...publisher, '--create', '--purge', ...shape, ...spread, '--msgs', count]);
        let best: (typeof PUBLISHERS)[number] = PUBLISHERS[0];
        let bestRate = 0;
        for (const publisher of PUBLISHERS) {
          const { messagesPerSecond } = await publish(publisher, this.#firstCount);
          if (messagesPerSecond > bestRate) {
            [best, bestRate] = [publisher, messagesPerSecond];
          }
        }
        // An operation is a batch here: its latency is no message's.
        const figure = await calibrated(work.seconds, this.#firstCount, (count) => publish(best, count));
        return { ...figure, p50Ms: null, p99Ms: null };
      }
      case 'request': {
        const pile = ['pub', 'async', '--create', ...shape, '--msgs', 1];
        await this.#bench(pile);
        const publish = ['pub', 'sync', '--clients', work.producers, ...shape];
        const first = Math.max(FIRST_REQUESTS, work.producers);
        return calibrated(work.seconds, first, (count) => this.#bench([...publish, '--msgs', count]));
      }
      case 'drain': {
        await this.#bench(['pub', ...PUBLISHERS[0], '--create', ...shape, '--msgs', work.count]);
        const figures: Figure[] = [];
        for (const reader of READERS) {
          const size = ['--size', `${work.sizeBytes}B`];
          figures.push(await this.#bench([...reader, '--stream', stream, ...size, '--msgs', work.count]));
        }
        const best = figures.reduce((a, b) => (b.messagesPerSecond > a.messagesPerSecond ? b : a));
        return { ...best, p50Ms: null, p99Ms: null };
      }
    }
  }

  /** A fresh stream, made by the first `pub` into it, and a body for it. */
  #newStream(sizeBytes: number): { stream: string; shape: (string | number)[] } {
    const stream = `bench-${this.#streamCount++}`;
    const payload = join(this.#directory, `${stream}.body`);
    writeFileSync(payload, randomBytes(sizeBytes));
    const shape = [`${stream}.messages`, '--stream', stream, '--maxbytes', '32GB'];
    return { stream, shape: [...shape, '--size', `${sizeBytes}B`, '--payload', payload] };
  }

  async #bench(args: readonly (string | number)[]): Promise<Figure> {
    const shape = ['bench', 'js', ...args, '--no-progress'];
    // Its contexts and settings are its user's: here it has neither.
    const env = { HOME: this.#directory, XDG_CONFIG_HOME: this.#directory };
    const printed = await runCommand(this.#tool, ['--no-context', '-s', this.url, ...shape], { env });
    const publisher = args[0] === 'pub' ? `pub ${args[1]}` : `${args[0]}`;
    return {
      ...benchStatistics(printed),
      api: `nats bench js ${publisher}`,
      command: ['nats', ...shape].join(' ').replaceAll(`${this.#directory}/`, ''),
    };
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }
}
