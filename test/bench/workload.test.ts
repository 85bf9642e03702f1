import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { BadWorkload, parseWorkload, readWorkload } from '../../bench/load/workload.js';

const FOLDER = fileURLToPath(new URL('../../../bench/workloads/', import.meta.url));

const GOOD = `
name: some
topics: 2
partitionsPerTopic: 16
keyDistributor: NO_KEY
messageSize: 1024
subscriptionsPerTopic: 1
consumerPerSubscription: 3
producersPerTopic: 4
producerRate: 50000
consumerBacklogSizeGB: 0
testDurationMinutes: 15
`;

describe('workload files', () => {
  test.each(readdirSync(FOLDER))('%s is good and named like its file', (file) => {
    expect(readWorkload(`${FOLDER}${file}`).name).toBe(file.replace(/\.yaml$/, ''));
  });

  test('fields of the OpenMessaging benchmark mean what they mean there', () => {
    expect(parseWorkload(GOOD)).toEqual({
      name: 'some',
      topics: 2,
      queues: 16,
      messageSize: 1024,
      subscriptions: 1,
      consumersPerSubscription: 3,
      producersPerTopic: 4,
      rate: 50_000,
      backlogMessages: 0,
      drainRate: 50_000,
      warmupSeconds: 60,
      testSeconds: 900,
      maxInFlight: null,
    });
  });

  test('a backlog in gigabytes is counted in messages of its size', () => {
    const text = GOOD.replace('consumerBacklogSizeGB: 0', 'consumerBacklogSizeGB: 2');
    expect(parseWorkload(text).backlogMessages).toBe(Math.ceil(2e9 / 1024));
  });

  test('the long form has its own backlog', () => {
    const text = `${GOOD}consumerBacklogMessages: 20\nlongConsumerBacklogMessages: 100\n`;
    expect(parseWorkload(text).backlogMessages).toBe(20);
    expect(parseWorkload(text, true).backlogMessages).toBe(100);
  });

  test.each([
    ['an unknown field', `${GOOD}payloadFile: x\n`, /payloadFile/],
    ['a field too few', GOOD.replace('topics: 2\n', ''), /topics/],
    ['a size below the stamp', GOOD.replace('messageSize: 1024', 'messageSize: 8'), /messageSize/],
    ['a size past the limit', GOOD.replace('messageSize: 1024', 'messageSize: 5000000'), /messageSize/],
    ['a broken count', GOOD.replace('topics: 2', 'topics: 1.5'), /topics/],
    ['a text for a number', GOOD.replace('producerRate: 50000', 'producerRate: fast'), /producerRate/],
    ['too many queues in all', GOOD.replace('topics: 2', 'topics: 1000').replace('16', '101'), /partitions/],
    ['both minutes and seconds', `${GOOD}testDurationSeconds: 3\n`, /testDurationSeconds/],
    ['no duration', GOOD.replace('testDurationMinutes: 15', ''), /testDuration/],
    ['both kinds of backlog', `${GOOD.replace('GB: 0', 'GB: 1')}consumerBacklogMessages: 1\n`, /Backlog/],
    [
      'a backlog nobody drains',
      `${GOOD.replace('consumerPerSubscription: 3', 'consumerPerSubscription: 0')}consumerBacklogMessages: 1\n`,
      /drain/,
    ],
    ['keys', GOOD.replace('NO_KEY', 'KEY_ROUND_ROBIN'), /keyDistributor/],
    ['what is no YAML', 'name: [', /./],
    ['what is no mapping', '- 1', /./],
  ])('refuses %s, by name', (_what, text, message) => {
    expect(() => parseWorkload(text)).toThrow(BadWorkload);
    expect(() => parseWorkload(text)).toThrow(message);
  });
});
