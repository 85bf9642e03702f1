/** A slave that is gigabytes behind catches up while its master is under load. */
import { join } from 'node:path';
import { BenchBroker, load } from '../ringmq.js';
import { type Place, startSlave, untilCaughtUp, untilFollowed, writeSecret } from './rigs.js';

const BEHIND_BYTES = 5e9;
const SIZE = 1024;
/** Messages that take some seconds. */
const COUNT = 1_500_000;
const CATCH_UP_LIMIT_MS = 300_000;

/** About as much as is written in all: what the slave misses and the three loads beside it, by both. */
export const CATCH_UP_BYTES = 2 * (BEHIND_BYTES + 2.25 * COUNT * SIZE);

/**
 * The master's rate while its slave catches up, divided by that while the same slave follows. Throws when the
 * slave does not come up with it.
 */
export async function catchUp({ scratch, share }: Place): Promise<number> {
  const secret = writeSecret(scratch);
  const own = ['--name', 'a', '--broker-set', 'a', '--replication', 'async', '--secret-file', secret];
  const master = await BenchBroker.start(join(scratch, 'master'), 'async', own);
  let slave = await startSlave(scratch, 'async', secret, master.url);
  const produce = async (count: number): Promise<number> => {
    const shape = ['--topic', 'bench', '--size', SIZE, '--count', Math.ceil(count)];
    return (await load(master.url, 'produce', ...shape)).messagesPerSecond;
  };
  try {
    await untilFollowed(master.url, slave.url);
    await produce((COUNT * share) / 4);
    const following = await produce(COUNT * share);
    await untilCaughtUp(master.url, slave.url, 'bench', CATCH_UP_LIMIT_MS);
    await slave.stop();
    await produce((BEHIND_BYTES * share) / SIZE);
    slave = await startSlave(scratch, 'async', secret, master.url);
    const catchingUp = await produce(COUNT * share);
    await untilCaughtUp(master.url, slave.url, 'bench', CATCH_UP_LIMIT_MS);
    return catchingUp / following;
  } finally {
    await slave.stop();
    await master.stop();
  }
}
