/** What the log says of itself, harmed behind the broker's back: the files of meta/, and control batches. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { headerCrcOf } from '../../engine/batch/header.js';
import { BATCH, BATCH_HEADER_BYTES, writeUint32 } from '../../native-free/wire/index.js';
import { COUNT, dataDir, expectVerified, expectWhole, LATE_COUNT } from './damaged-dir.js';
import { flipBit, garble, mapLog, readLog, type StoredBatch, writeLog } from './log-map.js';
import { failureOf, openSmall, sendNumbers, withBroker } from './small-broker.js';

describe('meta/', () => {
  it('missing beside a log is refused, again and again, until it is back', async () => {
    renameSync(`${dataDir}/meta`, `${dataDir}/elsewhere`);
    for (let i = 0; i < 2; i++) {
      const error = await failureOf(openSmall(dataDir));
      expect(error).toMatchObject({ code: 'LOG_CORRUPT' });
      expect(error.message).toMatch(/has a log but no meta\//);
    }
    rmSync(`${dataDir}/meta`, { recursive: true, force: true });
    renameSync(`${dataDir}/elsewhere`, `${dataDir}/meta`);
    await withBroker(dataDir, ({ client }) => expectWhole(client, 'first', COUNT));
  });

  it('with a garbled node is refused with its place', async () => {
    garble(`${dataDir}/meta/node`);
    for (let i = 0; i < 2; i++) {
      const error = await failureOf(openSmall(dataDir));
      expect(error).toMatchObject({ code: 'LOG_CORRUPT' });
      expect(error.message).toMatch(/meta\/node, at byte \d+/);
    }
    await expectVerified(/meta\/node at \d+/);
  });

  it.each([
    [
      'garbled',
      () => garble(`${dataDir}/meta/state`),
      /meta\/state, at byte \d+: .+ made again from the log/,
    ],
    ['missing', () => rmSync(`${dataDir}/meta/state`), /meta\/state is missing: .+ made again from the log/],
  ])(
    'with a %s state is made again from a log that is there from its beginning',
    async (_how, harm, said) => {
      harm();
      await expectVerified(/meta\/state at \d+/);
      await withBroker(dataDir, async ({ client, warnings }) => {
        expect(warnings.some(({ message }) => said.test(message))).toBe(true);
        await expectWhole(client, 'first', COUNT);
        await sendNumbers(client, 'late', LATE_COUNT, LATE_COUNT + 5);
        await expectWhole(client, 'late', LATE_COUNT + 5);
      });
    },
  );

  it('of a format that no version has had since is refused in one sentence', async () => {
    rmSync(`${dataDir}/meta/node`);
    writeFileSync(`${dataDir}/meta/snapshot`, 'x');
    rmSync(`${dataDir}/log`, { recursive: true });
    const error = await failureOf(openSmall(dataDir));
    expect(error).toMatchObject({
      code: 'NOT_SUPPORTED',
      message: expect.stringMatching(/begin anew in another directory/),
    });
  });
});

describe('a control batch', () => {
  /** The one that creates the second topic. */
  function creation(): StoredBatch {
    const found = mapLog(dataDir).batches.find(
      ({ topicId, position, length }) =>
        topicId === 0 && Buffer.from(readLog(dataDir, position, length)).includes('second'),
    );
    return found as StoredBatch;
  }

  it('that is damaged does no harm where the state has what it said', async () => {
    const { position } = creation();
    flipBit(dataDir, position + BATCH_HEADER_BYTES + 20);
    await expectVerified(new RegExp(`at ${position}, .+the body does not match its checksum`));
    await withBroker(dataDir, async ({ client, warnings }) => {
      expect(warnings).toEqual([]);
      for (const topic of ['first', 'second']) {
        await expectWhole(client, topic, COUNT);
      }
    });
  });

  it.each([
    ['body', BATCH_HEADER_BYTES + 20],
    ['header', 40],
  ])(
    'that is damaged in its %s: a warning names what is gone, the rest is there, and no id is given out again',
    async (where, at) => {
      const { position } = creation();
      flipBit(dataDir, position + at);
      rmSync(`${dataDir}/meta/state`);
      await withBroker(dataDir, async ({ client, warnings }) => {
        const said = warnings.map(({ message }) => message);
        if (where === 'body') {
          expect(said).toContainEqual(
            expect.stringMatching(new RegExp(`control batch .+position ${position}`)),
          );
        }
        expect(said).toContainEqual(expect.stringMatching(/creation of topics with the ids 2 is missing/));
        await expectWhole(client, 'first', COUNT);
        await expectWhole(client, 'late', LATE_COUNT);
        expect((await failureOf(client.admin().describeTopic('second'))).code).toBe('TOPIC_NOT_FOUND');
        expect(await client.admin().createTopic({ topic: 'second', queues: 1 })).toMatchObject({
          topicId: 4,
        });
        await sendNumbers(client, 'second', 0, 5);
      });
      // The same when all is made again.
      rmSync(`${dataDir}/meta/state`);
      rmSync(`${dataDir}/checkpoint`);
      await withBroker(dataDir, async ({ client }) => {
        await expectWhole(client, 'second', 5);
        await expectWhole(client, 'first', COUNT);
      });
    },
  );

  it('that a newer version has written is refused with its place, and found by log verify', async () => {
    const { position, length } = creation();
    const batch = readLog(dataDir, position, length);
    const at = Buffer.from(batch).indexOf('topicCreated');
    batch.set(Buffer.from('topicChanged'), at);
    writeUint32(batch, BATCH.bodyCrc, crc32(batch.subarray(BATCH_HEADER_BYTES)));
    writeUint32(batch, BATCH.headerCrc, headerCrcOf(batch, 0, false));
    writeLog(dataDir, position, batch);
    await expectVerified(new RegExp(`at ${position}, .+unknown type 'topicChanged'`));
    rmSync(`${dataDir}/meta/state`);
    const error = await failureOf(openSmall(dataDir));
    expect(error).toMatchObject({
      code: 'LOG_CORRUPT',
      message: expect.stringMatching(new RegExp(`newer version.+log position ${position}`)),
    });
  });
});
