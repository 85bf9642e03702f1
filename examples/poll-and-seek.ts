/** Asking for messages when there is time for them, and going back to read some again. */
import { openBroker } from 'ringmq';

const broker = await openBroker({ dataDir: './example-data' });
const client = broker.client();
await client.admin().createTopic({ topic: 'readings', queues: 1, ifNotExists: true });
const readings = Array.from({ length: 10 }, (_, i) => ({ topic: 'readings', body: `reading ${i}` }));
const [first] = await client.producer().sendBatch(readings);

const consumer = client.consumer({ group: 'meter', topic: 'readings' });
let received = 0;
while (received < 10) {
  // At most four at a time; an empty list when none has come within a second.
  for (const message of await consumer.poll({ max: 4, waitMs: 1_000 })) {
    await message.ack();
    received++;
  }
}

// All ten are acked. A seek takes the group back to the first of them.
await consumer.seek({ offset: first?.offset ?? 0 });
const [again] = await consumer.poll({ max: 1, waitMs: 10_000 });
// The group goes on behind them.
await consumer.seek('latest');
console.log(`${received} received, and once more: ${again?.text()}`);
await consumer.close();
await broker.close();
