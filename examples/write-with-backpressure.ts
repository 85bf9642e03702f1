/** Many messages over a connection: no promise a message, and never more in memory than the producer's buffer. */
import { openBroker } from 'ringmq';
import { connect } from 'ringmq/client';

const COUNT = 100_000;

// Elsewhere this is a process of its own: `ringmq broker`.
const broker = await openBroker({ dataDir: './example-data' });
const { url } = await broker.listen({ port: 0 });

const client = await connect(url);
await client.admin().createTopic({ topic: 'measurements', queues: 4, ifNotExists: true });
const producer = client.producer({ group: 'sensors' });

for (let i = 0; i < COUNT; i++) {
  const hasRoom = producer.write({ topic: 'measurements', body: `measurement ${i}` });
  if (!hasRoom) {
    await producer.ready();
  }
}
// All of them are acked, or this rejects with those that are not.
await producer.flush();
console.log(`${COUNT} messages acked`);

await client.close();
await broker.close();
