/** A data directory for each test, as a broker left it, to be harmed: with two topics and a third that is all at the end. */
import { cpSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { Client } from '../../native-free/client/index.js';
import type { RingMQError } from '../../native-free/wire/index.js';
import { runCli } from '../cli/cli-process.js';
import { mapLog, type StoredBatch } from './log-map.js';
import {
  failureOf,
  makeDirectory,
  numberOf,
  readSome,
  removeDirectory,
  sendNumbers,
  withBroker,
} from './small-broker.js';

/** Messages in each of the first two topics; the third has a few, all at the end. */
export const COUNT = 300;
export const LATE_COUNT = 20;
export const TOPICS = ['first', 'second', 'late'];

/** Where there is room for more. */
export let directory: string;
let pristine: string;
/** This test's copy. */
export let dataDir: string;
let rounds = 0;

beforeAll(async () => {
  directory = makeDirectory();
  pristine = `${directory}/pristine`;
  await withBroker(pristine, async ({ client }) => {
    for (const topic of TOPICS) {
      await client.admin().createTopic({ topic, queues: 1 });
    }
    for (let at = 0; at < COUNT; at += 50) {
      await sendNumbers(client, 'first', at, at + 50);
      await sendNumbers(client, 'second', at, at + 50);
    }
    await sendNumbers(client, 'late', 0, LATE_COUNT);
  });
});
afterAll(() => removeDirectory(directory));
beforeEach(() => {
  dataDir = `${directory}/${++rounds}`;
  cpSync(pristine, dataDir, { recursive: true });
});

export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_x, i) => i);
}

export async function expectWhole(client: Client, topic: string, count: number): Promise<void> {
  const messages = await readSome(client, topic, count);
  expect(messages.map(numberOf)).toEqual(numbers(count));
  expect(messages.map(({ offset }) => offset)).toEqual(numbers(count));
  expect((await client.admin().describeTopic(topic)).queueStates[0]?.maxOffset).toBe(count);
}

/** Reads until the consumer fails: how many messages came, and why it ended. */
export async function readToFailure(
  client: Client,
  topic: string,
): Promise<{ count: number; error: RingMQError }> {
  let count = 0;
  const error = await failureOf(
    (async () => {
      for await (const message of client.consumer({ group: 'reader', topic })) {
        expect(message.offset).toBe(count);
        expect(numberOf(message)).toBe(count++);
        await message.ack();
      }
    })(),
  );
  return { count, error };
}

/** A batch in the middle of topic `first`. */
export function victim(): StoredBatch {
  const ours = mapLog(dataDir).batches.filter(({ topicId }) => topicId === 1);
  return ours[ours.length >> 1] as StoredBatch;
}

export async function expectVerified(...patterns: RegExp[]): Promise<void> {
  const { status, stdout, stderr } = await runCli(['log', 'verify', dataDir]);
  for (const pattern of patterns) {
    expect(stdout.toString()).toMatch(pattern);
  }
  expect(stderr).toMatch(/^LOG_CORRUPT: \d+ damaged places?, the first: .+; .+\n$/);
  expect(status).toBe(1);
}
