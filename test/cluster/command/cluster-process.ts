/** `ringmq cluster` as a user runs it, in a folder that goes again with all of its processes. */
import { join } from 'node:path';
import type { ClusterView } from '../../../cli/cluster/cluster-status.js';
import { runHere } from '../../cli/cli-here.js';
import { type CliResult, makeDirectory, removeDirectory, runCli } from '../../cli/cli-process.js';

/** Small, so that a cluster of six nodes starts in a second and fits in a test machine. */
export const SMALL = ['--', '--ring-size', '16MiB', '--memory-ring-size', '32MiB', '--segment-size', '16MiB'];

export class TestCluster {
  readonly dir: string;
  readonly #parent: string;
  /** Of the name servers, after a start. */
  urls: string[] = [];

  /** `parent`: an empty directory, which goes with it. */
  constructor(parent = makeDirectory()) {
    this.#parent = parent;
    this.dir = join(this.#parent, 'cluster');
  }

  /** `ringmq cluster ARGS --dir …`. */
  run(...args: string[]): Promise<CliResult> {
    const at = args.indexOf('--');
    const [own, behind] = at < 0 ? [args, []] : [args.slice(0, at), args.slice(at)];
    // What starts processes ends before they do.
    const way = own[0] === 'start' || own[0] === 'restart' ? runCli : runHere;
    return way(['cluster', ...own, '--dir', this.dir, ...behind]);
  }

  /** Fails the test with what the command said, unless it is done. */
  async done(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(...args);
    if (status !== 0) {
      throw new Error(`ringmq cluster ${args.join(' ')} ended with ${status}: ${stderr}`);
    }
    return stdout.toString();
  }

  async start(mode: string, ...flags: string[]): Promise<void> {
    const out = await this.done('start', '--mode', mode, ...flags, ...SMALL);
    this.urls = (/^ready (\S+)\n$/.exec(out)?.[1] ?? '').split(',');
  }

  async status(): Promise<ClusterView> {
    return JSON.parse(await this.done('status', '-o', 'json')) as ClusterView;
  }

  async broker(name: string): Promise<ClusterView['brokers'][number]> {
    const found = (await this.status()).brokers.find((broker) => broker.name === name);
    if (found === undefined) {
      throw new Error(`there is no ${name}`);
    }
    return found;
  }

  /** Ends whatever runs and removes the folder. */
  async remove(): Promise<void> {
    await this.run('stop');
    removeDirectory(this.#parent);
  }
}
