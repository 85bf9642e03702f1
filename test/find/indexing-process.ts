/** A broker that stores messages with keys and has them indexed again and again, until it is killed: `node … DIR`. Prints how many are acked. */
import { openKeyed } from './keyed-broker.js';

const [dataDir = ''] = process.argv.slice(2);
const broker = await openKeyed(dataDir);
await broker.client.admin().createTopic({ topic: 'orders', queues: 2, ifNotExists: true });
const { queueStates } = await broker.client.admin().describeTopic('orders');
let next = queueStates.reduce((sum, { maxOffset }) => sum + maxOffset, 0);
const producer = broker.client.producer({ batchBytes: 4 * 1024 });
for (;;) {
  const working = broker.indexed();
  for (let i = 0; i < 200; i++, next++) {
    const keys = [`o-${next}`, `c-${next % 10}`];
    if (!producer.write({ topic: 'orders', body: `${next}`.padEnd(1_000), keys }, { queueId: next % 2 })) {
      await producer.ready();
    }
  }
  await producer.flush();
  process.stdout.write(`${next}\n`);
  await working;
}
