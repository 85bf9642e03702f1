/** One consumer of two topics that takes what comes in batches of its own size, whatever batches it was sent in. */
import { openBroker } from 'ringmq';

const COUNT = 300;

const broker = await openBroker({ dataDir: './example-data' });
const client = broker.client();
for (const topic of ['clicks', 'views']) {
  await client.admin().createTopic({ topic, queues: 1, ifNotExists: true });
}

const producer = client.producer();
for (let i = 0; i < COUNT; i++) {
  producer.write({ topic: i % 3 === 0 ? 'clicks' : 'views', body: `visitor ${i}` });
}
await producer.flush();

const counts: Record<string, number> = { clicks: 0, views: 0 };
let left = COUNT;
const consumer = client.consumer({ group: 'statistics', topic: ['clicks', 'views'] });
// A batch is of one queue of one topic: fifty messages, or fewer when the first of them has waited for a
// tenth of a second.
for await (const batch of consumer.batches({ maxMessages: 50, maxWaitMs: 100 })) {
  counts[batch.topic] = (counts[batch.topic] ?? 0) + batch.length;
  left -= batch.length;
  await batch.ack();
  if (left <= 0) {
    break;
  }
}
console.log(`${counts['clicks']} clicks and ${counts['views']} views`);
await broker.close();
