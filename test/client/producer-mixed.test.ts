/** One producer, messages of every kind in one stream: the short way of plain ones must change nothing for the others. */

import { describe, expect } from 'vitest';
import { createClient, type Producer } from '../../native-free/client/internal.js';
import {
  BATCH_ATTRIBUTE,
  BATCH_HEADER_BYTES,
  ERRORS,
  RECORD,
  readUint32,
} from '../../native-free/wire/index.js';
import { fc, test } from '../properties.js';
import { type ProducedBatch, ScriptedBroker } from './scripted-broker.js';

/** What may be asked for of a message, beside that it is written. */
const wish = fc.record({
  topic: fc.constantFrom('t', 't', 't', 'other'),
  shardingKey: fc.constantFrom(undefined, undefined, 'a', 'b'),
  tag: fc.constantFrom(undefined, undefined, 'x'),
  bornTime: fc.constantFrom(undefined, undefined, 1_700_000_000_000),
  queueId: fc.constantFrom(undefined, undefined, undefined, 2),
  flush: fc.constantFrom(undefined, undefined, undefined, 'sync' as const),
  isSent: fc.constantFrom(false, false, false, true),
});

type Wish = typeof wish extends fc.Arbitrary<infer T> ? T : never;

/** Numbers that the bodies of a batch's records hold. */
function numbersIn({ bytes, recordCount }: ProducedBatch): number[] {
  const numbers: number[] = [];
  for (
    let at = BATCH_HEADER_BYTES;
    numbers.length < recordCount;
    at += readUint32(bytes, at + RECORD.length)
  ) {
    numbers.push(readUint32(bytes, at + readUint32(bytes, at + RECORD.length) - 4));
  }
  return numbers;
}

/** Writes or sends a message for each wish; its body is its number. Promises of those that are sent. */
async function produceAll(producer: Producer, wishes: readonly Wish[]): Promise<Promise<unknown>[]> {
  const sent: Promise<unknown>[] = [];
  for (const [number, { topic, shardingKey, tag, bornTime, queueId, flush, isSent }] of wishes.entries()) {
    const message = {
      topic,
      body: new Uint8Array(new Uint32Array([number]).buffer),
      ...(shardingKey === undefined ? {} : { shardingKey }),
      ...(tag === undefined ? {} : { tag }),
      ...(bornTime === undefined ? {} : { bornTime }),
    };
    const options =
      queueId === undefined && flush === undefined
        ? undefined
        : { ...(queueId === undefined ? {} : { queueId }), ...(flush === undefined ? {} : { flush }) };
    if (isSent) {
      const receipt = producer.send(message, options);
      // Looked at later.
      receipt.catch(() => {});
      sent.push(receipt);
    } else {
      producer.write(message, options);
    }
    // With the topic known, most of the rest takes the short way; and buffers come back to be used again.
    if (number % 13 === 1) {
      await producer.flush().catch(() => {});
    }
  }
  return sent;
}

function makeBroker(): ScriptedBroker {
  const broker = new ScriptedBroker();
  broker.topics.set('other', { topic: 'other', topicId: 9, queues: 4, memory: false, createdTime: 0 });
  return broker;
}

describe('messages of all kinds, mixed', () => {
  test.prop([fc.array(wish, { maxLength: 60, size: 'max' }), fc.constantFrom(1, 3, 4096)])(
    'go where they are meant to, each once, in order in each queue',
    async (wishes, batchRecords) => {
      const broker = makeBroker();
      const client = await createClient(broker.factory);
      const producer = client.producer({ batchRecords });
      const sent = await produceAll(producer, wishes);
      await producer.flush();
      await Promise.all(sent);
      const queues = new Map<string, number[]>();
      const queueOfKey = new Map<string, number>();
      for (const batch of broker.link.batches) {
        const name = `${batch.topicId}/${batch.queueId}`;
        const numbers = numbersIn(batch);
        queues.set(name, [...(queues.get(name) ?? []), ...numbers]);
        for (const number of numbers) {
          const asked = wishes[number] as (typeof wishes)[number];
          expect(batch.topicId).toBe(asked.topic === 't' ? 7 : 9);
          expect(batch.attributes).toBe(asked.flush === 'sync' ? BATCH_ATTRIBUTE.syncFlush : 0);
          if (asked.queueId !== undefined) {
            expect(batch.queueId).toBe(asked.queueId);
          } else if (asked.shardingKey !== undefined) {
            const key = `${asked.topic}/${asked.shardingKey}`;
            expect(queueOfKey.get(key) ?? batch.queueId).toBe(batch.queueId);
            queueOfKey.set(key, batch.queueId);
          }
        }
      }
      for (const numbers of queues.values()) {
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      }
      expect([...queues.values()].flat().sort((a, b) => a - b)).toEqual(wishes.map((_, i) => i));
      await client.close();
    },
  );

  test.prop([
    fc.array(wish, { maxLength: 60, size: 'max' }),
    fc.constantFrom(1, 3, 4096),
    fc.integer({ min: 2, max: 5 }),
  ])('are each reported when their batch is refused, and only then', async (wishes, batchRecords, nth) => {
    const broker = makeBroker();
    broker.autoAck = false;
    const refused: number[] = [];
    broker.onBatch = (batch) => {
      const isRefused = broker.link.batches.length % nth === 0;
      if (isRefused) {
        refused.push(...numbersIn(batch));
      }
      broker.later(broker.link, () =>
        broker.link.ack([batch], isRefused ? { status: ERRORS.DISK_FAILED.wire } : {}),
      );
    };
    const client = await createClient(broker.factory);
    const reported: number[] = [];
    const producer = client.producer({
      batchRecords,
      onError: ({ numbers }) => void reported.push(...numbers),
    });
    const rejected: number[] = [];
    const sent = await produceAll(producer, wishes);
    const sentNumbers = [...wishes.keys()].filter((number) => wishes[number]?.isSent === true);
    const outcomes = await Promise.allSettled(sent);
    outcomes.forEach(({ status }, i) => {
      if (status === 'rejected') {
        rejected.push(sentNumbers[i] as number);
      }
    });
    await producer.flush().catch(() => {});
    const inOrder = (numbers: number[]): number[] => [...numbers].sort((a, b) => a - b);
    expect(inOrder([...reported, ...rejected])).toEqual(inOrder(refused));
    expect(reported.filter((number) => wishes[number]?.isSent === true)).toEqual([]);
    await client.close();
  });
});
