/** A group that gets only the tags it asks for. The broker leaves out the rest, which is not sent at all. */
import { openBroker } from 'ringmq';

const broker = await openBroker({ dataDir: './example-data' });
const client = broker.client();
await client.admin().createTopic({ topic: 'events', queues: 1, ifNotExists: true });

const producer = client.producer();
for (const tag of ['created', 'paid', 'shipped', 'refunded', 'paid']) {
  await producer.send({ topic: 'events', tag, body: `an order was ${tag}` });
}

let received = 0;
const consumer = client.consumer({ group: 'accounts', topic: 'events', filter: 'paid || refunded' });
for await (const message of consumer) {
  console.log(message.text());
  await message.ack();
  if (++received === 3) {
    break;
  }
}
await broker.close();
