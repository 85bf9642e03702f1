import { expect, test } from 'vitest';
import { describeEach, EACH, readAll } from './rig.js';

const KIB = 1024;
const SPAN = 16 * KIB;
const OPTIONS = { spanBytes: SPAN, ringBytes: 64 * KIB, memoryRingBytes: 64 * KIB, segmentBytes: 64 * KIB };

describeEach(
  'a broker whose largest batch is smaller than what clients like best',
  EACH,
  (rig) => {
    test('takes as many messages at once as others do', async () => {
      const { client, topic } = await rig.topic({ queues: 1 });
      const bodies = Array.from({ length: 60 }, (_, i) => String(i).padStart(KIB, '.'));
      const producer = client.producer();
      const receipts = await producer.sendBatch(bodies.map((body) => ({ topic, body })));
      expect(receipts.map(({ offset }) => offset)).toEqual(bodies.map((_, i) => i));
      for (const body of bodies) {
        if (!producer.write({ topic, body })) {
          await producer.ready();
        }
      }
      await producer.flush();
      const read = await readAll(client, topic);
      expect(read.map((message) => message.text())).toEqual([...bodies, ...bodies]);
    });

    test('says of a message that is too large for it, and of that alone', async () => {
      const { client, topic } = await rig.topic({ queues: 1 });
      const producer = client.producer();
      const small = { topic, body: 'small' };
      const sends = [small, { topic, body: new Uint8Array(SPAN) }, small].map((message) =>
        producer.send(message).then(
          () => 'stored',
          ({ code }) => code,
        ),
      );
      expect(await Promise.all(sends)).toEqual(['stored', 'MESSAGE_TOO_LARGE', 'stored']);
    });
  },
  OPTIONS,
);
