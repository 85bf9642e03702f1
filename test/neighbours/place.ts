/** A broker with one listener thread, which all clients share: where one neighbour can be felt by another. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect, type ListenOptions, openBroker } from '../../broker/index.js';
import { LISTENERS } from '../conformance/back-ends.js';

const KIB = 1024;
export const SEGMENT_BYTES = 1024 * KIB;
/** Small rings, so that a moment's work goes round them. */
const OPTIONS = {
  flush: 'async',
  brokerSet: 'a',
  name: 'm',
  ringBytes: 512 * KIB,
  // Half of it is what others cannot take from a reader: more than comes in a turn, also of a busy machine.
  memoryRingBytes: 4096 * KIB,
  spanBytes: 128 * KIB,
  segmentBytes: SEGMENT_BYTES,
  checkpointBytes: 64 * 1024 * KIB,
  minFreeBytes: 0,
  maxQueues: 16_384,
} as const;

export interface Place {
  readonly dataDir: string;
  readonly url: string;
  /** A client of its own connection, closed with the place. `user`: as whom it comes where that is asked for; the good ones are one. */
  client(user?: string): Promise<Client>;
  close(): Promise<void>;
}

/** `limits`: what the listener is told beside its place. */
export async function openPlace(limits: ListenOptions = {}): Promise<Place> {
  const root = mkdtempSync(join(tmpdir(), 'ringmq-neighbours-'));
  const dataDir = join(root, 'data');
  const adminPasswordFile = join(root, 'admin-password');
  writeFileSync(adminPasswordFile, 'a password of all');
  const broker = await openBroker({ ...OPTIONS, dataDir, onWarning: () => {} });
  const here = { port: 0, listener: LISTENERS[0] ?? 'ws', threads: 1, ...limits } as const;
  const hasUsers = limits.auth === true;
  const { port } = await broker.listen(hasUsers ? { ...here, adminPasswordFile } : here);
  for (const user of hasUsers ? ['good', 'bad'] : []) {
    const admin = broker.client().admin();
    await admin.createUser({ user, password: 'a password of all', roles: ['admin'] });
  }
  const url = `ws://127.0.0.1:${port}`;
  const clients: Client[] = [];
  return {
    dataDir,
    url,
    client: async (user = 'good') => {
      const credentials = { scheme: 'scram', user, password: 'a password of all' } as const;
      const as = hasUsers ? { credentials } : {};
      const client = await connect(url, { closeTimeoutMs: 200, onWarning: () => {}, ...as });
      clients.push(client);
      return client;
    },
    close: async () => {
      await Promise.all(clients.map((client) => client.close().catch(() => {})));
      await broker.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
