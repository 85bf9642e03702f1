/** A broker set's leadership in etcd: five kinds of keys below `/ringmq/CLUSTER/SET/`, values in JSON so that `etcdctl` shows them. */
import { z } from 'zod';
import { RingMQError } from '../../../native-free/wire/index.js';
import type { Candidate, InSyncSet, Leader, SetView } from '../leadership.js';
import type { LeaseAnswer, SetStore } from '../set-store.js';
import { EtcdClient, type EtcdClientOptions, type EtcdKeyValue } from './etcd-client.js';
import { EtcdWatch } from './etcd-watch.js';

/** No set has more: eight slaves, their master, and some that have left. */
const MAX_MEMBERS = 32;

const epochSchema = z.number().int().min(0).max(0xffff_ffff);
const nameSchema = z.string().min(1).max(127);
const leaderSchema = z.object({ name: nameSchema, url: z.string().max(2_048), epoch: epochSchema });
const inSyncSchema = z.object({
  members: z.array(nameSchema).max(MAX_MEMBERS),
  required: z.number().int().min(1).max(MAX_MEMBERS),
  log: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  openings: z.record(nameSchema, z.string().max(64)).optional(),
});
const candidateSchema = z.object({
  name: nameSchema,
  after: z.number().int().min(0),
  epoch: epochSchema,
  position: z.number().min(0).max(Number.MAX_SAFE_INTEGER),
});

export class EtcdSetStore implements SetStore {
  readonly #client: EtcdClient;
  readonly #prefix: string;

  private constructor(client: EtcdClient, cluster: string, set: string) {
    this.#client = client;
    this.#prefix = setPrefix(cluster, set);
  }

  static async open(options: EtcdClientOptions, cluster: string, set: string): Promise<EtcdSetStore> {
    return new EtcdSetStore(await EtcdClient.open(options), cluster, set);
  }

  async read(): Promise<SetView> {
    const { keys } = await this.#client.readPrefix(this.#prefix);
    const found = new Map(keys.map((entry) => [entry.key.slice(this.#prefix.length), entry]));
    const leader = found.get('leader');
    const term = found.get('term');
    const inSync = found.get('in-sync');
    return {
      leader: leader === undefined ? null : parse(leader, leaderSchema),
      leaderRevision: leader?.modRevision ?? 0,
      leaderLease: leader?.lease ?? '0',
      term: term === undefined ? 0 : parse(term, epochSchema),
      termRevision: term?.modRevision ?? 0,
      inSync: inSync === undefined ? null : parse(inSync, inSyncSchema),
      inSyncRevision: inSync?.modRevision ?? 0,
      prefix: this.#prefix,
      candidates: [...found]
        .filter(([name]) => name.startsWith('candidates/'))
        .slice(0, MAX_MEMBERS)
        .map(([, entry]) => parse(entry, candidateSchema)),
    };
  }

  grantLease(ttlSeconds: number): Promise<LeaseAnswer & { lease: string }> {
    return this.#client.grantLease(ttlSeconds);
  }

  keepAlive(lease: string): Promise<LeaseAnswer> {
    return this.#client.keepAlive(lease);
  }

  revokeLease(lease: string): Promise<void> {
    return this.#client.revokeLease(lease);
  }

  announce(candidate: Candidate, lease: string): Promise<void> {
    const key = `${this.#prefix}candidates/${encodeURIComponent(candidate.name)}`;
    return this.#client.put(key, JSON.stringify(candidate), lease);
  }

  take(view: SetView, leader: Leader, inSync: InSyncSet, lease: string): Promise<boolean> {
    return this.#client.transact(
      [
        { key: `${this.#prefix}leader`, target: 'CREATE', revision: 0 },
        { key: `${this.#prefix}term`, target: 'MOD', revision: view.termRevision },
        { key: `${this.#prefix}in-sync`, target: 'MOD', revision: view.inSyncRevision },
      ],
      [
        { put: { key: `${this.#prefix}leader`, value: JSON.stringify(leader), lease } },
        { put: { key: `${this.#prefix}term`, value: JSON.stringify(leader.epoch) } },
        { put: { key: `${this.#prefix}in-sync`, value: JSON.stringify(inSync) } },
      ],
    );
  }

  writeInSync(view: SetView, leader: Leader, inSync: InSyncSet): Promise<boolean> {
    if (view.leader?.name !== leader.name || view.leader.epoch !== leader.epoch) {
      return Promise.resolve(false);
    }
    return this.#client.transact(
      [
        { key: `${this.#prefix}leader`, target: 'MOD', revision: view.leaderRevision },
        { key: `${this.#prefix}in-sync`, target: 'MOD', revision: view.inSyncRevision },
      ],
      [{ put: { key: `${this.#prefix}in-sync`, value: JSON.stringify(inSync) } }],
    );
  }

  watch(onChange: () => void): { close: () => void } {
    return new EtcdWatch(this.#client, this.#prefix, onChange);
  }

  close(): void {
    this.#client.close();
  }
}

/** Names may have slashes; a part of a key has none, so that no set's keys lie below another's. */
export function setPrefix(cluster: string, set: string): string {
  return `/ringmq/${encodeURIComponent(cluster)}/${encodeURIComponent(set)}/`;
}

function parse<T>(entry: EtcdKeyValue, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(entry.value));
  } catch (cause) {
    throw new RingMQError(
      'BAD_CONFIG',
      `etcd's key ${entry.key} does not hold what RingMQ writes there; remove it once no broker of the set runs`,
      { cause, details: { key: entry.key } },
    );
  }
}
