/** Whether a broker that is started as master was replaced while it was down. */
import type { ClusterSecrets } from '../engine/access/cluster-secrets.js';
import { peekDir } from '../engine/data/peek-dir.js';
import { brokerSetOf, type ResolvedEngineOptions } from '../engine/options.js';
import { type MasterInfo, RingMQError } from '../native-free/wire/index.js';
import { findMaster } from './find-master.js';

/**
 * The other master of this broker's set that name servers know, where this one would open as master. One that
 * was replaced while it was down must not take messages even in the moment before a name server tells it so:
 * it opens as the other's slave.
 * @throws RingMQError NOT_MASTER (the other has another log: two brokers were given one set)
 */
export async function otherMaster(
  options: ResolvedEngineOptions,
  secrets: ClusterSecrets | null,
): Promise<MasterInfo | null> {
  const { nameServers, cluster, name, dataDir, controller } = options;
  const dir = peekDir(dataDir);
  if (controller !== undefined || (dir?.role ?? options.role) !== 'master' || nameServers.length === 0) {
    return null;
  }
  const set = brokerSetOf(options);
  const master = await findMaster({ nameServers, secrets, linkTls: options.linkTls, cluster, set, name });
  if (master !== null && dir !== null && dir.brokerId !== master.brokerId) {
    throw new RingMQError(
      'NOT_MASTER',
      `the broker set '${set}' has a master with another log, '${master.name}' at ${master.url}: start this broker with a name, or a broker set, of its own`,
      { details: { set, master: master.url, name: master.name, epoch: master.epoch } },
    );
  }
  return master;
}
