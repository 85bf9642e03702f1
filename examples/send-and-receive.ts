/** A broker in this process, one message sent and received. */
import { openBroker } from 'ringmq';

const broker = await openBroker({ dataDir: './example-data' });
const client = broker.client();
await client.admin().createTopic({ topic: 'orders', queues: 4, ifNotExists: true });

const producer = client.producer({ group: 'shop' });
const receipt = await producer.send({ topic: 'orders', tag: 'paid', keys: ['o-1'], body: 'order 1' });
console.log(
  `stored at offset ${receipt.offset} of queue ${receipt.queueId}, durability ${receipt.durability}`,
);

// The group remembers what it acked: run this again, and it gets only what came since.
for await (const message of client.consumer({ group: 'billing', topic: 'orders' })) {
  console.log(`received: ${message.text()}`);
  await message.ack();
  break;
}
await broker.close();
