/**
 * The folder of a cluster that was started here:
 *
 *     DIR/cluster.json     what it consists of
 *     DIR/secret           what its nodes prove to each other that they know
 *     DIR/NAME/data/       a broker's data
 *     DIR/NAME/log         what a node says, of all its lives; DIR/NAME/out: its stdout of this one
 *     DIR/NAME/pid         its process
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { makeDir } from '../../engine/disk/make-dir.js';
import { NAME_PATTERN, RingMQError } from '../../native-free/wire/index.js';
import { CLUSTER_MODES, type ClusterPlanOptions, MAX_MASTERS, MAX_NAME_SERVERS } from './cluster-plan.js';

export const DEFAULT_CLUSTER_DIR = './ringmq-cluster';

const nameSchema = z.string().regex(NAME_PATTERN);
const nodeSchema = z.object({
  name: nameSchema,
  kind: z.enum(['nameserver', 'broker']),
  set: nameSchema.nullable(),
  role: z.enum(['master', 'slave']).nullable(),
  port: z.number().int().min(0).max(65_535),
});
const fileSchema = z.object({
  version: z.literal(1),
  cluster: nameSchema,
  options: z.object({
    mode: z.enum(CLUSTER_MODES),
    flush: z.enum(['sync', 'async']),
    masters: z.number().int().min(1).max(MAX_MASTERS),
    nameServers: z.number().int().min(1).max(MAX_NAME_SERVERS),
    controller: z.string().nullable(),
    firstPort: z.number().int().min(0).max(65_535),
    brokerFlags: z.array(z.string()).max(100),
  }),
  nodes: z.array(nodeSchema).max(2 * MAX_MASTERS + MAX_NAME_SERVERS),
});

export type ClusterNode = z.output<typeof nodeSchema>;
export interface ClusterFile {
  cluster: string;
  options: ClusterPlanOptions;
  nodes: ClusterNode[];
}

export class ClusterFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = resolve(path);
  }

  /** Null where no cluster was started. Throws BAD_CONFIG for a file that cannot be used. */
  read(): ClusterFile | null {
    const path = join(this.path, 'cluster.json');
    if (!existsSync(path)) {
      return null;
    }
    try {
      return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    } catch (cause) {
      throw new RingMQError(
        'BAD_CONFIG',
        `${path} cannot be used; stop its processes by hand and start the cluster in another --dir`,
        { cause, details: { path } },
      );
    }
  }

  /** Throws BAD_CONFIG where there is none. */
  mustRead(): ClusterFile {
    const file = this.read();
    if (file === null) {
      throw new RingMQError(
        'BAD_CONFIG',
        `there is no cluster in ${this.path}; start one with ringmq cluster start --mode MODE, or name its folder with --dir`,
        { details: { path: this.path } },
      );
    }
    return file;
  }

  write(file: ClusterFile): void {
    this.#replace('cluster.json', `${JSON.stringify({ version: 1, ...file }, null, 2)}\n`, 0o666);
  }

  /** A node's own folder, made if it is not there. */
  nodeFolder(name: string): string {
    const path = join(this.path, name);
    makeDir(path);
    return path;
  }

  /** The file of the secret, made if it is not there; only its owner may read it. */
  secretFile(): string {
    const path = join(this.path, 'secret');
    if (!existsSync(path)) {
      this.#replace('secret', `${randomBytes(32).toString('hex')}\n`, 0o600);
    }
    return path;
  }

  /** As a whole, and also for after a power cut: brokers keep their data over one, and have to start again. */
  #replace(name: string, text: string, mode: number): void {
    const path = join(this.path, name);
    rmSync(`${path}.new`, { force: true });
    writeFileSync(`${path}.new`, text, { mode, flush: true });
    renameSync(`${path}.new`, path);
    const directory = openSync(this.path, 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  }
}
