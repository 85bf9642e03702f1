/**
 * Whether the nodes of a cluster go together: every name server knows every broker, every set has its master,
 * and its slaves are with that. Brokers are asked themselves: name servers have what they were told some time
 * ago.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { ask } from '../../native-free/client/internal.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { isRingMQError, RingMQError, type SetStanding } from '../../native-free/wire/index.js';
import { tlsTo } from '../link-trust.js';
import { linkUser } from '../link-user.js';
import type { ClusterFile, ClusterFolder, ClusterNode } from './cluster-folder.js';
import { unknownAt } from './cluster-status.js';
import { NodeProcess } from './node-process.js';

const LOOK_MS = 100;
const ANSWER_MS = 2_000;

/** Resolves once nothing is missing. @throws RingMQError TIMEOUT, with what is missing after `waitMs` */
export async function untilReady(
  missingNow: () => Promise<string[]>,
  folder: ClusterFolder,
  waitMs: number,
): Promise<void> {
  const until = monotonicMs() + waitMs;
  for (;;) {
    const missing = await missingNow();
    if (missing.length === 0) {
      return;
    }
    if (monotonicMs() > until) {
      throw new RingMQError(
        'TIMEOUT',
        `after ${waitMs / 1_000} s ${missing.join(', and ')}; all of them run and go on: see ringmq cluster status, and the logs in ${folder.path}`,
        { details: { missing } },
      );
    }
    await delay(LOOK_MS);
  }
}

/** What of the whole cluster is not ready, in words. */
export async function notReady(folder: ClusterFolder, file: ClusterFile): Promise<string[]> {
  const brokers = file.nodes.filter(({ kind }) => kind === 'broker');
  const standings = await standingsOf(folder, brokers);
  const missing = brokers
    .filter(({ name }) => !standings.has(name))
    .map(({ name }) => `${name} does not answer`);
  for (const set of new Set(brokers.map((node) => node.set))) {
    const ofSet = brokers.filter((node) => node.set === set);
    const master = masterOf(ofSet, standings);
    if (master === null) {
      missing.push(`the broker set ${set} has no master${whyNone(ofSet, standings)}`);
      continue;
    }
    missing.push(
      ...behind(
        master,
        ofSet.map(({ name }) => name),
        file,
      ),
    );
    if (!master.takesMessages) {
      missing.push(`${master.name} takes no messages yet`);
    }
  }
  return missing.length > 0 ? missing : unheardOf(folder, file, standings);
}

/** What of one broker and its set's others, as far as they run. Without a master there is nothing to wait for. */
export async function nodeNotReady(
  folder: ClusterFolder,
  file: ClusterFile,
  node: ClusterNode,
): Promise<string[]> {
  const ofSet = file.nodes.filter(({ set }) => set === node.set);
  const standings = await standingsOf(folder, ofSet);
  const master = masterOf(ofSet, standings);
  if (master === null) {
    return [];
  }
  const names = master.name === node.name ? [...standings.keys()] : [node.name];
  const missing = behind(master, names, file);
  return missing.length > 0 ? missing : unheardOf(folder, file, standings);
}

async function standingsOf(
  folder: ClusterFolder,
  nodes: readonly ClusterNode[],
): Promise<Map<string, SetStanding>> {
  const found = await Promise.all(
    nodes.map(async ({ name }) => {
      const url = urlOf(folder, name);
      const standing =
        url === null
          ? null
          : await ask(url, 'standing', {}, ANSWER_MS, linkUser(), tlsTo(url)).catch(refusedOrNothing);
      return [name, standing as SetStanding | null] as const;
    }),
  );
  return new Map(found.filter((entry): entry is [string, SetStanding] => entry[1] !== null));
}

/** That nobody has logged in is not cured by waiting. */
function refusedOrNothing(error: unknown): null {
  if (linkUser() === null && isRingMQError(error) && error.code === 'NOT_AUTHENTICATED') {
    throw new RingMQError(
      'NOT_AUTHENTICATED',
      'the nodes run and go on; whether they are ready their brokers tell who logs in alone: say once more with --user and --password-file in front',
      { cause: error },
    );
  }
  return null;
}

/** What a controller has them wait for, as they say themselves. */
function whyNone(nodes: readonly ClusterNode[], standings: ReadonlyMap<string, SetStanding>): string {
  const said = nodes.flatMap(({ name }) => {
    const why = standings.get(name)?.waitsFor;
    return why === undefined ? [] : [`${name} waits: ${why}`];
  });
  return said.length === 0 ? '' : ` (${said.join('; ')})`;
}

/** The one of the highest epoch: an older one may not have heard of it yet. */
function masterOf(
  nodes: readonly ClusterNode[],
  standings: ReadonlyMap<string, SetStanding>,
): SetStanding | null {
  const masters = nodes
    .map(({ name }) => standings.get(name))
    .filter((standing) => standing?.role === 'master');
  return masters.sort((a, b) => (b?.epoch ?? 0) - (a?.epoch ?? 0))[0] ?? null;
}

/** Those of these that the master does not have with it yet: in sync where it waits for slaves, else connected. */
function behind(master: SetStanding, names: readonly string[], { options }: ClusterFile): string[] {
  const isSync = options.mode === 'sync-double-write';
  return names
    .filter((name) => name !== master.name)
    .flatMap((name) => {
      const slave = master.replicas.find((replica) => replica.name === name);
      if (slave?.connected !== true) {
        return [`${name} does not follow ${master.name} yet`];
      }
      return slave.inSync || !isSync
        ? []
        : [`${name} is not in sync with ${master.name} yet, which has ${slave.lagBytes} bytes more`];
    });
}

/** Clients ask any name server. */
async function unheardOf(
  folder: ClusterFolder,
  file: ClusterFile,
  standings: ReadonlyMap<string, SetStanding>,
): Promise<string[]> {
  const roles = new Map([...standings].map(([name, { role }]) => [name, role] as const));
  const missing = await Promise.all(
    file.nodes
      .filter(({ kind }) => kind === 'nameserver')
      .map(async (server) => {
        const url = urlOf(folder, server.name);
        const unknown = url === null ? [] : await unknownAt(url, roles);
        return unknown.map((name) => `${server.name} does not know ${name} yet`);
      }),
  );
  return missing.flat();
}

/** null: it does not run, or does not serve. */
function urlOf(folder: ClusterFolder, name: string): string | null {
  const process = new NodeProcess(name, folder.nodeFolder(name));
  return process.running() === null ? null : process.url();
}
