/** Eight handlers at work at once; the messages of one customer are handled one after another, in the order they were sent. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openBroker } from 'ringmq';

const CUSTOMERS = 10;
const COUNT = 100;

const broker = await openBroker({ dataDir: './example-data' });
const client = broker.client();
await client.admin().createTopic({ topic: 'jobs', queues: 4, ifNotExists: true });

const producer = client.producer();
await producer.sendBatch(
  Array.from({ length: COUNT }, (_, i) => ({
    topic: 'jobs',
    shardingKey: `customer-${i % CUSTOMERS}`,
    body: `job ${i}`,
  })),
);

const consumer = client.consumer({ group: 'workers', topic: 'jobs' });
let done = 0;
// A message is acked when its handler returns. One that throws is given again to whoever reads next.
await consumer.run(
  async () => {
    await sleep(1);
    if (++done === COUNT) {
      void consumer.close();
    }
  },
  { concurrency: 8, order: 'key' },
);
console.log(`${done} jobs done`);
await broker.close();
