/** What a cluster consists of now: as its name servers say, and, where it was started from a folder, as its processes are. */

import Table from 'cli-table3';
import { ask, PageWalk } from '../../native-free/client/internal.js';
import {
  type BrokerStatus,
  isRingMQError,
  type NameServerMethods,
  RingMQError,
} from '../../native-free/wire/index.js';
import { tlsTo } from '../link-trust.js';
import { linkUser } from '../link-user.js';
import type { ClusterFile, ClusterFolder } from './cluster-folder.js';
import { NodeProcess } from './node-process.js';

export interface NameServerView {
  name: string;
  url: string | null;
  up: boolean;
}

/** What is not known is null: nobody says it of a broker that is away. */
export interface BrokerView {
  name: string;
  set: string;
  role: 'master' | 'slave';
  url: string | null;
  up: boolean;
  /** Of the process, where it was started from a folder of this machine. */
  pid: number | null;
  epoch: number | null;
  /** First and next byte of its log, and how far it is on disk. */
  start: number | null;
  end: number | null;
  flushed: number | null;
  /** Stretches of its log that are damaged and not repaired. */
  damaged: number | null;
  inSync: boolean | null;
  lagBytes: number | null;
  lagMs: number | null;
  /** Of a slave that is up and not in sync: how much of its set's log it has, from where its own begins. */
  percent: number | null;
  /** A controller says who is the master of its set. */
  controller: boolean | null;
}

export interface ClusterView {
  cluster: string;
  mode: string | null;
  nameServers: NameServerView[];
  brokers: BrokerView[];
}

/** Asks every name server, and believes for each broker the one that has heard of it last. */
async function registered(
  urls: readonly string[],
): Promise<{ cluster: string; brokers: Map<string, BrokerStatus>; answered: Set<string> }> {
  const brokers = new Map<string, BrokerStatus>();
  const answered = new Set<string>();
  let cluster = 'default';
  const pages = await Promise.all(urls.map((url) => allPages(url).catch(() => null)));
  for (const [i, page] of pages.entries()) {
    if (page === null) {
      continue;
    }
    answered.add(urls[i] as string);
    cluster = page.cluster;
    for (const broker of page.brokers) {
      const known = brokers.get(broker.name);
      if (known === undefined || (broker.up && (!known.up || broker.heardMs < known.heardMs))) {
        brokers.set(broker.name, broker);
      }
    }
  }
  return { cluster, brokers, answered };
}

async function allPages(url: string): Promise<{ cluster: string; brokers: BrokerStatus[] }> {
  const brokers: BrokerStatus[] = [];
  const walk = new PageWalk();
  let cursor: string | null = null;
  for (;;) {
    const page = await askNameServer(url, cursor);
    if (!Array.isArray(page.brokers)) {
      throw new RingMQError('BAD_FRAME', `${url} answered without the list of brokers`);
    }
    brokers.push(...page.brokers);
    cursor = page.complete ? null : walk.next(page.cursor);
    if (cursor === null) {
      return { cluster: page.cluster, brokers };
    }
  }
}

/** @throws RingMQError NOT_SUPPORTED (it is a broker), CONNECT_FAILED, TIMEOUT, what it says */
async function askNameServer(
  url: string,
  cursor: string | null,
): Promise<NameServerMethods['clusterStatus']['result']> {
  try {
    const page = await ask(url, 'clusterStatus', { cursor }, undefined, linkUser(), tlsTo(url));
    return page as NameServerMethods['clusterStatus']['result'];
  } catch (error) {
    if (isRingMQError(error) && error.code === 'NOT_SUPPORTED') {
      throw new RingMQError(
        'NOT_SUPPORTED',
        `${url} is a broker, and what a cluster consists of is known to name servers; name those with --url`,
        { cause: error, details: { url } },
      );
    }
    throw error;
  }
}

/** Of the brokers named those that this name server does not know as up, or as what they are: no route has them yet. */
export async function unknownAt(
  url: string,
  brokers: ReadonlyMap<string, 'master' | 'slave'>,
): Promise<string[]> {
  const page = await allPages(url).catch(() => null);
  const known = new Map(page?.brokers.map((broker) => [broker.name, broker]));
  return [...brokers].flatMap(([name, role]) => {
    const broker = known.get(name);
    return broker?.up === true && broker.isMaster === (role === 'master') ? [] : [name];
  });
}

/** By the addresses of name servers alone. */
export async function statusByUrls(urls: readonly string[]): Promise<ClusterView> {
  const { cluster, brokers, answered } = await registered(urls);
  if (answered.size === 0) {
    // Fails with what is wrong.
    const first = urls[0] ?? '';
    await askNameServer(first, null);
  }
  return {
    cluster,
    mode: null,
    nameServers: urls.map((url) => ({ name: new URL(url).host, url, up: answered.has(url) })),
    brokers: withPercent([...brokers.values()].map((broker) => viewOf(broker, null))),
  };
}

/** Of a cluster that was started from a folder: also those of its nodes that no name server knows. */
export async function statusOfFolder(folder: ClusterFolder, file: ClusterFile): Promise<ClusterView> {
  const nodes = file.nodes.map((node) => {
    const process = new NodeProcess(node.name, folder.nodeFolder(node.name));
    const id = process.running();
    return { node, id, url: process.url() ?? (node.port === 0 ? null : `ws://127.0.0.1:${node.port}`) };
  });
  const servers = nodes.filter(({ node }) => node.kind === 'nameserver');
  const urls = servers.flatMap(({ url, id }) => (url === null || id === null ? [] : [url]));
  const { brokers, answered } = await registered(urls);
  const own = nodes
    .filter(({ node }) => node.kind === 'broker')
    .map(({ node, id, url }) => {
      const known = brokers.get(node.name);
      brokers.delete(node.name);
      const up = id !== null && (known?.up ?? false);
      return known === undefined
        ? unknownBroker(node.name, node.set ?? node.name, node.role ?? 'master', url, id?.pid ?? null)
        : { ...viewOf(known, id?.pid ?? null), up };
    });
  return {
    cluster: file.cluster,
    mode: file.options.mode,
    nameServers: servers.map(({ node, url, id }) => ({
      name: node.name,
      url,
      up: id !== null && url !== null && answered.has(url),
    })),
    // And those that others added to the cluster.
    brokers: withPercent(
      [...own, ...[...brokers.values()].map((broker) => viewOf(broker, null))].sort(
        (a, b) => order(a.set, b.set) || order(a.name, b.name),
      ),
    ),
  };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function viewOf(broker: BrokerStatus, pid: number | null): BrokerView {
  const { name, set, role, url, up, epoch, start, end, flushed, inSync, lagBytes, lagMs } = broker;
  const damaged = broker.damaged ?? 0;
  // A name server of an earlier version does not say it.
  const controller = broker.controller ?? null;
  return {
    ...{ name, set, role, url, up, pid, epoch, start, end, flushed, damaged, inSync, lagBytes, lagMs },
    ...{ percent: null, controller },
  };
}

function unknownBroker(
  name: string,
  set: string,
  role: 'master' | 'slave',
  url: string | null,
  pid: number | null,
): BrokerView {
  return {
    ...{ name, set, role, url, up: false, pid, epoch: null, start: null, end: null, flushed: null },
    ...{ damaged: null, inSync: null, lagBytes: null, lagMs: null, percent: null, controller: null },
  };
}

/** What a slave lacks was counted by its master when that said where its own log ends: the two belong together. */
export function withPercent(brokers: readonly BrokerView[]): BrokerView[] {
  return brokers.map((broker) => {
    const { set, role, up, inSync, start, lagBytes } = broker;
    const master = brokers.find((other) => other.set === set && other.role === 'master' && other.up);
    const end = master?.end ?? null;
    if (role !== 'slave' || !up || inSync !== false || start === null || lagBytes === null || end === null) {
      return broker;
    }
    const share = end > start ? (end - lagBytes - start) / (end - start) : 0;
    return { ...broker, percent: Math.floor(Math.min(1, Math.max(0, share)) * 1_000) / 10 };
  });
}

/** For people. */
export function statusText(view: ClusterView): string {
  const isPlain = process.stdout.isTTY !== true;
  const style = isPlain ? { head: [], border: [] } : { head: ['bold'], border: ['gray'] };
  const servers = new Table({ head: ['NAME SERVER', 'URL', 'STATE'], style });
  for (const { name, url, up } of view.nameServers) {
    servers.push([name, url ?? '-', up ? 'up' : 'down']);
  }
  const brokers = new Table({
    head: ['SET', 'BROKER', 'ROLE', 'STATE', 'EPOCH', 'LOG', 'ON DISK', 'IN SYNC', 'LAG', 'PID', 'URL'],
    style,
    colAligns: ['left', 'left', 'left', 'left', 'right', 'right', 'right', 'left', 'right', 'right', 'left'],
  });
  for (const broker of view.brokers) {
    brokers.push([
      broker.set,
      broker.name,
      broker.role,
      broker.up ? 'up' : 'down',
      number(broker.epoch),
      broker.start === null || broker.end === null ? '-' : `${number(broker.start)} – ${number(broker.end)}`,
      number(broker.flushed),
      inSync(broker),
      lag(broker),
      number(broker.pid),
      broker.url ?? '-',
    ]);
  }
  const title = `cluster ${view.cluster}${view.mode === null ? '' : `, ${view.mode}`}${failover(view.brokers)}`;
  return `${title}\n${servers.toString()}\n${brokers.toString()}\n${damage(view.brokers)}`;
}

/** Whose logs are damaged: a line each. */
function damage(brokers: readonly BrokerView[]): string {
  return brokers
    .filter(({ damaged }) => damaged !== null && damaged > 0)
    .map(({ name, damaged }) => {
      const places = damaged === 1 ? 'one place' : `${damaged} places`;
      return `the log of ${name} is damaged in ${places}: it is repaired from another broker of its set that has them; its own log says more\n`;
    })
    .join('');
}

/** Who makes a slave the master; said where there are slaves, or a controller. */
function failover(brokers: readonly BrokerView[]): string {
  const led = new Set(brokers.filter(({ controller }) => controller === true).map(({ set }) => set));
  if (led.size === 0) {
    return brokers.some(({ role }) => role === 'slave') ? ', failover by hand' : '';
  }
  const byHand = new Set(brokers.map(({ set }) => set).filter((set) => !led.has(set)));
  return `, failover by a controller${byHand.size === 0 ? '' : `, but by hand in ${[...byHand].join(', ')}`}`;
}

function number(value: number | null): string {
  return value === null ? '-' : String(value);
}

function inSync({ inSync: is, percent }: BrokerView): string {
  return is === null ? '-' : is ? 'yes' : percent === null ? 'no' : `no, ${percent} %`;
}

function lag({ lagBytes, lagMs }: BrokerView): string {
  if (lagBytes === null) {
    return '-';
  }
  return lagMs === null ? `${lagBytes} B` : `${lagBytes} B, ${(lagMs / 1_000).toFixed(1)} s`;
}
