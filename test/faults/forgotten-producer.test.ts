/** A broker that has had more producers than it remembers stores nothing twice, before and after a restart. */
import { expect, test } from 'vitest';
import { Engine } from '../../engine/engine.js';
import type { TopicEntry } from '../../engine/engine-thread.js';
import { APPEND } from '../../engine/engine-thread.js';
import { ACK_FLAG_DUPLICATE, BATCH_ATTRIBUTE, ERRORS } from '../../native-free/wire/index.js';
import { makeBatch } from '../transport/make-batch.js';
import { makeDirectory, removeDirectory, SMALL } from './small-broker.js';

const REMEMBERED = 16;
const PRODUCERS = 3 * REMEMBERED;

interface Outcome {
  status: number;
  isDuplicate: boolean;
}

async function withTopic(dataDir: string, work: (send: Send, end: () => Promise<number>) => Promise<void>) {
  const engine = await Engine.open(
    { ...SMALL, dataDir, maxProducers: REMEMBERED },
    { onWarning: () => {}, onFatal: () => {} },
  );
  try {
    const { thread } = engine;
    const { topicId } = await thread
      .call('createTopic', { topic: 'orders', queues: 1, memory: false })
      .catch(() => thread.call('topicMetadata', { topic: 'orders' }));
    const topic = (await thread.resolveTopicById(topicId)) as TopicEntry;
    const send: Send = (producerId, attributes = 0) =>
      new Promise((resolve) => {
        const bytes = makeBatch([{ body: `${producerId}` }], {
          topicId,
          producerId,
          sequence: 1,
          attributes,
          bornTime: Date.now(),
        });
        const sink = {
          hasTravelled: true,
          onAppended: (_id: number, status: number, _durability: number, flags: number) =>
            resolve({ status, isDuplicate: flags === ACK_FLAG_DUPLICATE }),
        };
        expect(thread.append(sink, 1, bytes, topic)).toBe(APPEND.ok);
      });
    await work(send, async () => {
      const { queueStates } = await thread.call('describeTopic', { topic: 'orders' });
      return queueStates[0]?.maxOffset as number;
    });
  } finally {
    await engine.close();
  }
}

type Send = (producerId: number, attributes?: number) => Promise<Outcome>;

test('a batch sent again is a duplicate, or refused, never stored a second time', async () => {
  const dataDir = makeDirectory();
  const { sentBefore } = BATCH_ATTRIBUTE;
  const forgotten = { status: ERRORS.SEQUENCE_UNKNOWN.wire, isDuplicate: false };
  const duplicate = { status: 0, isDuplicate: true };
  try {
    await withTopic(dataDir, async (send, end) => {
      for (let id = 1; id <= PRODUCERS; id++) {
        expect(await send(id)).toEqual({ status: 0, isDuplicate: false });
      }
      expect(await send(1, sentBefore)).toEqual(forgotten);
      expect(await send(PRODUCERS, sentBefore)).toEqual(duplicate);
      expect(await end()).toBe(PRODUCERS);
    });
    await withTopic(dataDir, async (send, end) => {
      expect(await send(2, sentBefore)).toEqual(forgotten);
      expect(await send(PRODUCERS, sentBefore)).toEqual(duplicate);
      expect(await end()).toBe(PRODUCERS);
    });
  } finally {
    removeDirectory(dataDir);
  }
});
