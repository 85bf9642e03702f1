/** A consumer of a memory topic has everything from its assignment on, however soon it is sent and however small the ring is. */
import { expect, it } from 'vitest';
import { describeEach, EACH, type Rig } from './rig.js';

const KIB = 1024;
const COUNT = 400;
/** Several times the ring. */
const BODY = new Uint8Array(1_000);

describeEach('a memory topic', EACH, tests, {
  spanBytes: 16 * KIB,
  ringBytes: 64 * KIB,
  memoryRingBytes: 64 * KIB,
  segmentBytes: 64 * KIB,
});

function tests(rig: Rig): void {
  it.each([
    ['assigned resolves', false],
    ['onAssigned is called', true],
  ])('loses nothing of what is sent in the turn in which %s', async (_when, inCallback) => {
    for (let round = 0; round < 5; round++) {
      const client = await rig.client();
      const topic = rig.name('memory');
      await client.admin().createTopic({ topic, queues: 4, memory: true });
      const producer = client.producer({ batchBytes: 4 * KIB });
      const send = () => {
        for (let i = 0; i < COUNT; i++) {
          producer.write({ topic, body: BODY });
        }
      };
      let isSent = false;
      const warnings: string[] = [];
      const consumer = client.consumer({
        group: rig.name('memory'),
        topic,
        from: 'latest',
        onWarning: ({ message }) => warnings.push(message),
        onAssigned: () => {
          if (inCallback && !isSent) {
            isSent = true;
            send();
          }
        },
      });
      await consumer.assigned;
      if (!inCallback) {
        send();
      }
      let count = 0;
      for await (const batch of consumer.batches()) {
        count += batch.length;
        await batch.ack();
        if (count >= COUNT || warnings.length > 0) {
          break;
        }
      }
      expect({ round, warnings }).toEqual({ round, warnings: [] });
      expect(count).toBe(COUNT);
      await client.close();
    }
  });
}
