/**
 * The order in which a broker's parts end: those that append before the log, the log before the last
 * checkpoint of it, and the lock of the data directory last.
 */
import type { AuditKeeper } from './access/audit-keeper.js';
import type { AuditTopic } from './control/audit-topic.js';
import type { ControlServer } from './control/channel-server.js';
import type { ControlLog } from './control/control-log.js';
import type { ControlPlane } from './control/index.js';
import type { TopicQueues } from './control/topic-queues.js';
import type { HeldKeeper } from './data/held-keeper.js';
import type { KnownDamage } from './data/known-damage.js';
import type { DataDirLock } from './disk/index.js';
import type { FindDesk } from './find/find-desk.js';
import type { BrokerHandle } from './handle.js';
import type { Housekeeping } from './housekeeping.js';
import type { LogEnding } from './log-ending.js';
import type { Replication } from './set/replication.js';
import type { Sampler } from './stats/index.js';
import { BROKER_WORD } from './term/shared-words.js';
import type { BrokerThread } from './thread/broker-thread.js';
import type { PersistThreads } from './thread/persist-threads.js';

/** All that ends with a broker. */
export interface ClosingParts {
  readonly handle: BrokerHandle;
  readonly access: { close(): void };
  readonly house: Housekeeping;
  readonly sampler: Sampler;
  readonly replication: Replication;
  readonly thread: BrokerThread;
  readonly audit: AuditKeeper;
  readonly auditTopic: AuditTopic;
  readonly plane: ControlPlane;
  readonly find: FindDesk;
  readonly control: ControlLog;
  readonly persist: PersistThreads;
  readonly ending: LogEnding;
  readonly held: HeldKeeper;
  readonly damage: KnownDamage;
  readonly server: ControlServer;
  readonly queues: TopicQueues;
  readonly lock: DataDirLock;
}

/** A close waits no longer than this for acks. */
const CLOSE_MS = 5_000;

/** Does all of it, also when a part fails: rejects with the first failure then. */
export async function closeParts({
  handle,
  access,
  house,
  sampler,
  replication,
  thread,
  audit,
  auditTopic,
  plane,
  find,
  control,
  persist,
  ending,
  held,
  damage,
  server,
  queues,
  lock,
}: ClosingParts): Promise<void> {
  const failures: unknown[] = [];
  const part = async (work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failures.push(error);
    }
  };
  Atomics.store(new Int32Array(handle.brokerWords), BROKER_WORD.closing, 1);
  access.close();
  house.rest();
  sampler.close();
  await part(() => replication.handOver.close());
  await part(() => thread.access.tellCounted());
  await part(() => audit.close());
  await part(() => auditTopic.close());
  await part(() => plane.close());
  await part(() => find.close());
  await part(() => control.drained(CLOSE_MS));
  await part(() => thread.drained(CLOSE_MS));
  await part(() => house.checkpoints.stop());
  house.deadThreads.stop();
  await part(() => persist.stop());
  const isLost = ending.isLost();
  if (!isLost) {
    await part(() => house.checkpoints.last());
    await part(() => house.committed.note());
  }
  await part(() => ending.endIndexing(thread.seat));
  await part(() => house.committed.close());
  await part(() => held.close());
  await part(() => damage.repair.note());
  await part(() => thread.close());
  await part(() => control.close());
  await part(() => server.close());
  await part(() => queues.closeFiles());
  // Told by `onFatal`; what could not be written for that reason is no failure of the close. Asked while LOCK
  // is still there.
  const isToldAlready = failures.length > 0 && (isLost || ending.isLost());
  await part(() => lock.release());
  if (failures.length > 0 && !isToldAlready) {
    throw failures[0];
  }
}
