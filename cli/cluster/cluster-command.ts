/** `ringmq cluster`: a cluster's processes on this machine, for trying and for tests. */

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { parseController } from '../../engine/controller-url.js';
import { lockDataDir } from '../../engine/disk/lock-file.js';
import { makeDir } from '../../engine/disk/make-dir.js';
import { ask } from '../../native-free/client/internal.js';
import { isRingMQError, RingMQError } from '../../native-free/wire/index.js';
import { type Deed, type DestroyFlags, isToBeDone } from '../destroy.js';
import { tlsTo } from '../link-trust.js';
import { linkUser } from '../link-user.js';
import { printJson, sharedOptions } from '../output.js';
import { type ClusterFile, ClusterFolder, DEFAULT_CLUSTER_DIR } from './cluster-folder.js';
import { type ClusterMode, type ClusterPlanOptions, defaultMasters, planNodes } from './cluster-plan.js';
import {
  type BrokerView,
  type ClusterView,
  statusByUrls,
  statusOfFolder,
  statusText,
} from './cluster-status.js';
import { NodeProcess } from './node-process.js';
import { startCluster, startNode } from './start-cluster.js';

export interface StartFlags {
  mode: ClusterMode;
  dir?: string;
  flush: 'sync' | 'async';
  masters?: number;
  nameServers?: number;
  ports?: number;
  controller?: string;
  cluster: string;
  /** ms */
  timeout: number;
}

export interface PlaceFlags {
  dir?: string;
}

/** `ringmq cluster start`: prints `ready URL,…` once all serve and messages are taken. A cluster that runs already is no error. */
export async function runStart(
  command: Command,
  flags: StartFlags,
  brokerFlags: readonly string[],
): Promise<void> {
  const { output } = sharedOptions(command);
  const folder = new ClusterFolder(flags.dir ?? DEFAULT_CLUSTER_DIR);
  makeDir(folder.path);
  await alone(folder, async () => {
    const file = fileOf(folder, flags, brokerFlags);
    folder.write(file);
    const started = await startCluster(folder, file, flags.timeout);
    if (output === 'json') {
      printJson({ cluster: file.cluster, mode: file.options.mode, ...started });
    } else {
      process.stdout.write(`ready ${started.nameServers.map(({ url }) => url).join(',')}\n`);
    }
  });
}

/** What is in the folder, if that is the cluster that is asked for; else a new one. */
function fileOf(folder: ClusterFolder, flags: StartFlags, brokerFlags: readonly string[]): ClusterFile {
  const options: ClusterPlanOptions = {
    mode: flags.mode,
    flush: flags.flush,
    masters: flags.masters ?? defaultMasters(flags.mode),
    nameServers: flags.nameServers ?? (flags.mode === 'single' ? 1 : 2),
    controller: flags.controller ?? null,
    firstPort: flags.ports ?? 0,
    brokerFlags,
  };
  if (options.mode === 'single' && options.masters !== 1) {
    throw new RingMQError('BAD_ARGUMENT', 'mode single has one master; for more take --mode multi-master');
  }
  if (options.controller !== null && parseController(options.controller) === null) {
    throw new RingMQError(
      'BAD_ARGUMENT',
      `--controller must be like etcd://127.0.0.1:2379,127.0.0.2:2379, not '${options.controller}'`,
    );
  }
  const there = folder.read();
  if (there === null) {
    return { cluster: flags.cluster, options, nodes: planNodes(options) };
  }
  const isSame = JSON.stringify(there.options) === JSON.stringify(options) && there.cluster === flags.cluster;
  const runs = there.nodes.some(({ name }) => processOf(folder, name).running() !== null);
  if (isSame) {
    return there;
  }
  // Its nodes keep their ports and data; only how they are started changes, and that needs them stopped.
  const isLikeIt =
    there.options.masters === options.masters &&
    there.options.nameServers === options.nameServers &&
    there.options.mode === options.mode &&
    there.cluster === flags.cluster;
  if (runs || !isLikeIt) {
    const what = `${there.options.mode}, ${there.options.flush} flush, ${there.options.masters} masters, ${there.options.nameServers} name servers`;
    throw new RingMQError(
      'BAD_CONFIG',
      `${folder.path} has another cluster (${what})${runs ? ', which runs' : ''}; stop it with ringmq cluster stop, or take another --dir`,
      { details: { path: folder.path, ...there.options } },
    );
  }
  return { ...there, options };
}

/** `ringmq cluster status` */
export async function runStatus(command: Command, flags: PlaceFlags): Promise<void> {
  const view = await viewFrom(command, flags);
  if (sharedOptions(command).output === 'json') {
    printJson(view);
  } else {
    process.stdout.write(statusText(view));
  }
}

/** `ringmq cluster kill NAME`: as a crash, with SIGKILL. */
export async function runKill(
  command: Command,
  name: string,
  flags: PlaceFlags & DestroyFlags,
): Promise<void> {
  const { folder } = localCluster(command, flags, name);
  if (!(await isToBeDone(command, { ...flags, yes: true }, () => deedTo('kill', folder, [name])))) {
    return;
  }
  await alone(folder, async () => {
    const wasUp = await processOf(folder, name).kill();
    tell(command, { killed: name, ran: wasUp }, wasUp ? `${name}: killed` : `${name}: did not run`);
  });
}

/**
 * `ringmq cluster restart NAME`: stopped cleanly if it runs, started again at its old port, and waited for
 * until it and its set's others go together again.
 */
export async function runRestart(
  command: Command,
  name: string,
  flags: PlaceFlags & DestroyFlags & { timeout: number },
): Promise<void> {
  const { folder, file } = localCluster(command, flags, name);
  if (!(await isToBeDone(command, { ...flags, yes: true }, () => deedTo('restart', folder, [name])))) {
    return;
  }
  await alone(folder, async () => {
    await processOf(folder, name).stop();
    const url = await startNode(folder, file, name, flags.timeout);
    tell(command, { restarted: name, url }, `${name}: ready ${url}`);
  });
}

/** `ringmq cluster stop`: brokers drain and end, slaves' masters first, name servers last. */
export async function runStop(command: Command, flags: PlaceFlags & DestroyFlags): Promise<void> {
  const { folder, file } = localCluster(command, flags);
  const names = file.nodes.map(({ name }) => name);
  if (!(await isToBeDone(command, { ...flags, yes: true }, () => deedTo('stop', folder, names)))) {
    return;
  }
  await alone(folder, async () => {
    const ends: { name: string; how: string }[] = [];
    for (const role of ['master', 'slave', null]) {
      const nodes = file.nodes.filter((node) => node.role === role);
      ends.push(
        ...(await Promise.all(
          nodes.map(async ({ name }) => ({ name, how: await processOf(folder, name).stop() })),
        )),
      );
    }
    const stopped = ends.filter(({ how }) => how !== 'none').map(({ name }) => name);
    const killed = ends.filter(({ how }) => how === 'killed').map(({ name }) => name);
    const text =
      stopped.length === 0
        ? 'nothing ran'
        : `stopped ${stopped.join(', ')}${killed.length === 0 ? '' : `; did not end by themselves and were killed: ${killed.join(', ')}`}`;
    tell(command, { stopped, killed }, text);
  });
}

/** `ringmq cluster promote NAME`: a slave becomes master of its set, of a new epoch. */
export async function runPromote(
  command: Command,
  name: string,
  { force = false, ...flags }: PlaceFlags & DestroyFlags & { force?: boolean },
): Promise<void> {
  const view = await viewFrom(command, flags);
  const broker = view.brokers.find((one) => one.name === name);
  if (broker === undefined) {
    throw unknownNode(
      name,
      view.brokers.map((one) => one.name),
    );
  }
  if (!broker.up || broker.url === null) {
    throw new RingMQError('CONNECT_FAILED', `${name} is not up; a slave must run to be promoted`, {
      details: { node: name },
    });
  }
  if (!(await isToBeDone(command, flags, () => promotion(view, broker, force)))) {
    return;
  }
  const result = (await ask(broker.url, 'promote', { force }, 60_000, linkUser(), tlsTo(broker.url))) as {
    epoch: number;
    lacks?: string | null;
  };
  const lost = result.lacks == null ? '' : `; ${result.lacks}, which is lost to the set`;
  tell(
    command,
    { promoted: name, ...result },
    `${name}: master of ${broker.set}, epoch ${result.epoch}${lost}`,
  );
}

/** What is done to processes: only those that run. */
function deedTo(what: 'kill' | 'restart' | 'stop', folder: ClusterFolder, names: readonly string[]): Deed {
  const running = names.filter((name) => processOf(folder, name).running() !== null);
  const nodes = what === 'restart' ? names : running;
  return {
    told: { [what]: nodes, running },
    text: nodes.length === 0 ? `${what} nothing: it does not run` : `${what} ${nodes.join(', ')}`,
  };
}

/** By what the name servers, or the folder, last heard: the broker itself looks again when it is told. */
function promotion({ brokers }: ClusterView, { name, set, role, end }: BrokerView, force: boolean): Deed {
  if (role === 'master') {
    return {
      told: { promoted: null, master: name },
      text: `change nothing: ${name} is the master of ${set}`,
    };
  }
  const others = brokers.filter((one) => one.set === set && one.name !== name);
  const ahead = others.filter((one) => one.end !== null && end !== null && one.end > end);
  const master = others.find((one) => one.role === 'master' && one.up)?.name ?? null;
  const lost = ahead.map((one) => `${(one.end as number) - (end as number)} bytes of ${one.name}'s log`);
  const loss =
    lost.length === 0
      ? ''
      : `, which lacks ${lost.join(' and ')}${force ? ': they are lost' : ' and is refused while they can be had'}`;
  const instead = master === null ? '' : ` in place of ${master}, which is up`;
  return {
    told: {
      promoted: name,
      set,
      instead: master,
      lacks: ahead.map((one) => ({ broker: one.name, bytes: (one.end as number) - (end as number) })),
    },
    text: `make ${name} the master of ${set}${instead}${loss}`,
  };
}

async function viewFrom(command: Command, flags: PlaceFlags): Promise<ClusterView> {
  const urls = askedUrls(command, flags);
  if (urls !== null) {
    return statusByUrls(urls);
  }
  const folder = new ClusterFolder(flags.dir ?? DEFAULT_CLUSTER_DIR);
  return statusOfFolder(folder, folder.mustRead());
}

/** A folder that is named wins, then an address that is, then the folder that is there, then RINGMQ_URL. */
function askedUrls(command: Command, { dir }: PlaceFlags): string[] | null {
  if (dir !== undefined) {
    return null;
  }
  const source =
    rootOf(command).getOptionValueSource('url') ?? command.getOptionValueSourceWithGlobals('url');
  if (source !== 'cli' && (source !== 'env' || existsSync(DEFAULT_CLUSTER_DIR))) {
    return null;
  }
  return sharedOptions(command).url.split(',');
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

/** For what only the machine of the processes can do. */
function localCluster(
  command: Command,
  flags: PlaceFlags,
  name?: string,
): { folder: ClusterFolder; file: ClusterFile } {
  if (askedUrls(command, flags) !== null) {
    throw new RingMQError(
      'BAD_ARGUMENT',
      'processes are started and ended on their own machine; name their folder with --dir',
    );
  }
  const folder = new ClusterFolder(flags.dir ?? DEFAULT_CLUSTER_DIR);
  const file = folder.mustRead();
  if (name !== undefined && !file.nodes.some((node) => node.name === name)) {
    throw unknownNode(
      name,
      file.nodes.map((node) => node.name),
    );
  }
  return { folder, file };
}

function unknownNode(name: string, known: readonly string[]): RingMQError {
  return new RingMQError(
    'BAD_ARGUMENT',
    `there is no ${name} in this cluster; it has ${known.length === 0 ? 'no broker' : known.join(', ')}`,
    {
      details: { node: name, known },
    },
  );
}

function processOf(folder: ClusterFolder, name: string): NodeProcess {
  return new NodeProcess(name, folder.nodeFolder(name));
}

/** Two commands at once would each start what the other has under way. */
async function alone<T>(folder: ClusterFolder, work: () => Promise<T>): Promise<T> {
  const lock = await lockDataDir(folder.path).catch((error: unknown) => {
    throw isRingMQError(error) && error.code === 'DATA_DIR_LOCKED'
      ? new RingMQError(
          'DATA_DIR_LOCKED',
          `another ringmq cluster command is at work in ${folder.path}; wait for it`,
          { cause: error, details: error.details },
        )
      : error;
  });
  try {
    return await work();
  } finally {
    lock.release();
  }
}

function tell(command: Command, json: object, text: string): void {
  if (sharedOptions(command).output === 'json') {
    printJson(json);
  } else {
    process.stdout.write(`${text}\n`);
  }
}
