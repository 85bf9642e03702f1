/** What holds for a broker whose set has a controller, before it is opened. */
import { parseController } from '../engine/controller-url.js';
import { peekDir } from '../engine/data/peek-dir.js';
import type { EngineOptions, ResolvedEngineOptions } from '../engine/options.js';
import { RingMQError } from '../native-free/wire/index.js';

/** Whether a broker with these options may begin a set that etcd knows nothing of; asked before its directory is opened. */
export function mayFound({ role, dataDir }: Pick<ResolvedEngineOptions, 'role' | 'dataDir'>): boolean {
  const dir = peekDir(dataDir);
  return dir?.isLed !== true && (dir?.role ?? role) === 'master';
}

/**
 * Refuses what a controller decides itself, and one that cannot be spoken to from here.
 * @throws RingMQError BAD_ARGUMENT, BAD_CONFIG (packages for gRPC are missing, or a file of `controllerLink` cannot be used)
 */
export async function checkController(given: EngineOptions): Promise<void> {
  if (given.controller === undefined) {
    return;
  }
  const said = given.role === 'master' ? 'role' : given.master === undefined ? null : 'master';
  if (said !== null) {
    throw new RingMQError(
      'BAD_ARGUMENT',
      `with a controller it is etcd that says who is the master: leave out \`${said}\`, or \`controller\``,
      { details: { option: said } },
    );
  }
  await (await import('../engine/cluster/etcd/load-grpc.js')).loadEtcdParts();
  const { EtcdAccess } = await import('../engine/cluster/etcd/etcd-access.js');
  new EtcdAccess(given.controllerLink ?? {}, parseController(given.controller)?.tls === true);
}
