/**
 * Kills a slave with SIGKILL while it is made the master: it is a slave as before or the master, has all it
 * had, and can be made the master.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, openBroker } from '../../broker/index.js';
import { BrokerProcess } from '../cli/cli-process.js';
import { ask, reach, stored, until } from '../replica/nodes.js';
import { SeededRandom } from './random.js';

const MIB = 1024 * 1024;
const SIZES = { ringBytes: MIB, memoryRingBytes: MIB, spanBytes: MIB / 4, segmentBytes: MIB } as const;
const FLAGS = [
  '--ring-size',
  '1MiB',
  '--memory-ring-size',
  '1MiB',
  '--span-size',
  '256KiB',
  '--broker-set',
  'a',
];
const MESSAGES = 100;

export interface PromoteCrashes {
  /** Rounds in which the promotion was answered before the kill. */
  answered: number;
}

/** Throws at the first fault. */
export async function runPromoteCrashes(
  directory: string,
  rounds: number,
  seed: number,
): Promise<PromoteCrashes> {
  const random = new SeededRandom(seed);
  let answered = 0;
  const master = await openBroker({ ...SIZES, dataDir: `${directory}/master`, brokerSet: 'a', name: 'm' });
  try {
    const { url } = await master.listen({ port: 0, listener: 'ws', threads: 1 });
    const client = master.client();
    await client.admin().createTopic({ topic: 't', queues: 1 });
    const bodies = Array.from({ length: MESSAGES }, (_, i) => ({ topic: 't', body: String(i) }));
    await client.producer().sendBatch(bodies);
    for (let round = 0; round < rounds; round++) {
      const dataDir = `${directory}/slave-${round}`;
      const flags = [...FLAGS, '--name', `s-${round}`, '--role', 'slave', '--master', url];
      const slave = await BrokerProcess.start(dataDir, flags);
      const reader = await reach(slave.url);
      await until(async () => (await stored(reader, 't').catch(() => 0)) === MESSAGES);
      // What it has in memory alone ends with its process.
      await until(async () => {
        const { log } = await reader.admin().stats();
        return log.writtenPosition === log.endPosition;
      });
      await reader.close();
      let isAnswered = false;
      const asked = ask(slave.url, 'promote').then(
        () => {
          isAnswered = true;
        },
        () => {},
      );
      // From the first bytes of the request to after its answer.
      await sleep(random.between(0, 40));
      await slave.kill();
      await asked;
      answered += Number(isAnswered);
      await checkSlave(dataDir, flags, `round ${round}, seed ${seed}`);
    }
  } finally {
    await master.close();
  }
  return { answered };
}

/** It has all, and can be made the master. */
async function checkSlave(dataDir: string, flags: readonly string[], where: string): Promise<void> {
  const again = await BrokerProcess.start(dataDir, flags);
  const client = await connect(again.url);
  const count = await stored(client, 't');
  if (count !== MESSAGES) {
    throw new Error(`${where}: ${count} of ${MESSAGES} messages are there`);
  }
  await ask(again.url, 'promote');
  const { offset } = await client.producer().send({ topic: 't', body: 'by the new master' });
  if (offset !== MESSAGES) {
    throw new Error(`${where}: the next message was given offset ${offset}`);
  }
  await client.close();
  const status = await again.stop();
  if (status !== 0) {
    throw new Error(`${where}: ended with ${status}: ${again.log}`);
  }
}
