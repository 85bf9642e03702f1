/** Which nodes a mode has, and how each is started. */

export const CLUSTER_MODES = ['single', 'multi-master', 'async-replication', 'sync-double-write'] as const;
export type ClusterMode = (typeof CLUSTER_MODES)[number];

export interface ClusterPlanOptions {
  mode: ClusterMode;
  flush: 'sync' | 'async';
  /** Brokers that take messages; each with a slave in the modes of replication. */
  masters: number;
  nameServers: number;
  /** `etcd://HOST:PORT[,…]`, or null: failover by hand. */
  controller: string | null;
  /** First of the ports, one a node in the order of the plan; 0: free ones. */
  firstPort: number;
  /** Flags for every broker, as they are written. */
  brokerFlags: readonly string[];
}

export interface NodePlan {
  name: string;
  kind: 'nameserver' | 'broker';
  /** Of a broker: whose log it has. */
  set: string | null;
  /** What it is started as; who is master later, name servers know. */
  role: 'master' | 'slave' | null;
  /** 0 before it has served for the first time. */
  port: number;
}

/** The letters a to z name the masters. */
export const MAX_MASTERS = 26;
export const MAX_NAME_SERVERS = 9;

/** How many a mode has unless it is said. */
export function defaultMasters(mode: ClusterMode): number {
  return mode === 'single' ? 1 : 2;
}

/** In the order they are started in: name servers, masters, slaves. */
export function planNodes({ mode, masters, nameServers, firstPort }: ClusterPlanOptions): NodePlan[] {
  const names = Array.from({ length: masters }, (_, i) => String.fromCharCode(97 + i));
  const nodes: NodePlan[] = [
    ...Array.from({ length: nameServers }, (_, i) => ({
      name: `ns-${i + 1}`,
      kind: 'nameserver' as const,
      set: null,
      role: null,
      port: 0,
    })),
    ...names.map((name) => broker(name, name, 'master')),
    ...(hasSlaves(mode) ? names.map((name) => broker(`${name}-slave`, name, 'slave')) : []),
  ];
  return firstPort === 0 ? nodes : nodes.map((node, i) => ({ ...node, port: firstPort + i }));
}

export function hasSlaves(mode: ClusterMode): boolean {
  return mode === 'async-replication' || mode === 'sync-double-write';
}

function broker(name: string, set: string, role: 'master' | 'slave'): NodePlan {
  return { name, kind: 'broker', set, role, port: 0 };
}

/** What the command line of one node says behind `ringmq`. */
export function nodeArguments(
  node: NodePlan,
  options: ClusterPlanOptions,
  place: { cluster: string; dataDir: string; secretFile: string; nameServerUrls: readonly string[] },
): string[] {
  const listen = ['--listen', `127.0.0.1:${node.port}`, '--secret-file', place.secretFile];
  if (node.kind === 'nameserver') {
    return ['nameserver', ...listen];
  }
  return [
    ...['broker', '--data', place.dataDir, ...listen, '--flush', options.flush],
    ...['--cluster', place.cluster, '--name', node.name, '--broker-set', node.set ?? node.name],
    ...['--name-server', place.nameServerUrls.join(',')],
    ...(hasSlaves(options.mode)
      ? [
          // Which of them is the master the controller says; a slave of the plan never begins a set.
          ...(options.controller === null || node.role === 'slave' ? ['--role', node.role ?? 'master'] : []),
          ...['--replication', options.mode === 'sync-double-write' ? 'sync' : 'async'],
        ]
      : []),
    ...(options.controller === null ? [] : ['--controller', options.controller]),
    ...options.brokerFlags,
  ];
}
