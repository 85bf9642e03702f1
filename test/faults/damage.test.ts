/** Files that were harmed behind the broker's back: what is derived is made again, what is lost is named, nothing else suffers. */
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openBroker } from '../../broker/index.js';
import { headerCrcOf } from '../../engine/batch/header.js';
import { MAX_DAMAGE_LISTED } from '../../engine/log/log-scan.js';
import { BATCH, BATCH_HEADER_BYTES, writeUint32, writeUint64 } from '../../native-free/wire/index.js';
import { runCli } from '../cli/cli-process.js';
import {
  COUNT,
  dataDir,
  directory,
  expectVerified,
  expectWhole,
  LATE_COUNT,
  readToFailure,
  victim,
} from './damaged-dir.js';
import {
  flipBit,
  garble,
  indexFiles,
  mapLog,
  readLog,
  type StoredBatch,
  segmentOf,
  writeLog,
} from './log-map.js';
import { failureOf, openSmall, readSome, SMALL, sendNumbers, withBroker } from './small-broker.js';

describe('derived files', () => {
  it.each([
    ['nothing', () => {}],
    ['the checkpoint is missing', () => rmSync(`${dataDir}/checkpoint`)],
    ['the tables are missing', () => rmSync(`${dataDir}/queues/tables`)],
    ['the tables are garbled', () => garble(`${dataDir}/queues/tables`)],
    ['the index files are missing', () => indexFiles(dataDir).map((path) => rmSync(path))],
    ['an index file is cut short', () => indexFiles(dataDir).map((path) => truncateSync(path, 700))],
    ['all of queues/ is missing', () => rmSync(`${dataDir}/queues`, { recursive: true })],
  ])('%s: every message is at its offset, and new ones follow', async (what, harm) => {
    expect(indexFiles(dataDir)).toHaveLength(1);
    harm();
    await withBroker(dataDir, async ({ client, warnings }) => {
      await expectWhole(client, 'first', COUNT);
      await expectWhole(client, 'second', COUNT);
      await expectWhole(client, 'late', LATE_COUNT);
      await sendNumbers(client, 'first', COUNT, COUNT + 10);
      await expectWhole(client, 'first', COUNT + 10);
      const told = /^nothing|^the checkpoint/.test(what)
        ? []
        : [expect.stringMatching(/^the queue index is .+ made again from the log/)];
      expect(warnings.map(({ message }) => message)).toEqual(told);
    });
    await withBroker(dataDir, async ({ client, warnings }) => {
      await expectWhole(client, 'first', COUNT + 10);
      expect(warnings).toEqual([]);
    });
  });

  it('what onWarning throws is an error of the program, and all is made again', async () => {
    rmSync(`${dataDir}/queues/tables`);
    const mine = new Error('mine');
    const thrown: unknown[] = [];
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => thrown.push(error));
    try {
      const onWarning = () => {
        throw mine;
      };
      const broker = await openBroker({ ...SMALL, dataDir, onWarning });
      await expectWhole(broker.client(), 'first', COUNT);
      await broker.close();
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of others) {
        process.on('uncaughtException', listener);
      }
    }
    expect(new Set(thrown)).toEqual(new Set([mine]));
  });

  it('a garbled index block is named to who needs it, and made again once it is deleted', async () => {
    const path = indexFiles(dataDir)[0] as string;
    garble(path, 512 + 100);
    await withBroker(dataDir, async ({ client }) => {
      const { error } = await readToFailure(client, 'first');
      expect(error).toMatchObject({ code: 'LOG_CORRUPT' });
      expect(error.message).toContain(path);
      await expectWhole(client, 'late', LATE_COUNT);
    });
    await expectVerified(/queues\/0000000000000000\.idx at 512, .*index block 1 is damaged/);
    rmSync(path);
    await withBroker(dataDir, ({ client }) => expectWhole(client, 'first', COUNT));
  });

  it('a garbled checkpoint is refused, again and again, until it is deleted', async () => {
    garble(`${dataDir}/checkpoint`);
    for (let i = 0; i < 2; i++) {
      const error = await failureOf(openSmall(dataDir));
      expect(error).toMatchObject({ code: 'LOG_CORRUPT', details: { file: 'checkpoint' } });
    }
    await expectVerified(/checkpoint at 0/);
    rmSync(`${dataDir}/checkpoint`);
    await withBroker(dataDir, ({ client }) => expectWhole(client, 'first', COUNT));
  });
});

describe('a flipped bit in a message', () => {
  it.each([
    ['the body', 200],
    ['the header', 41],
  ])('in %s: its reader is told where, the others read on', async (_part, at) => {
    const { position, baseOffset } = victim();
    flipBit(dataDir, position + at);
    await withBroker(dataDir, async ({ client, warnings }) => {
      // What lies before the checkpoint is not read at an open.
      expect(warnings).toEqual([]);
      const { count, error } = await readToFailure(client, 'first');
      expect(['LOG_CORRUPT', 'BAD_CHECKSUM']).toContain(error.code);
      expect(error.message).toContain(String(position));
      expect(count).toBeLessThanOrEqual(baseOffset);
      await expectWhole(client, 'second', COUNT);
      await expectWhole(client, 'late', LATE_COUNT);
    });
    await expectVerified(
      new RegExp(`log/[0-9a-f]{16}\\.seg at ${position}, \\d+ bytes: the ${_part.slice(4)}|header`),
    );
  });

  it.each([
    ['the body', 200],
    ['the header', 41],
  ])('in %s, found by a recovery: a warning names it, offsets stay', async (_part, at) => {
    const { position, baseOffset, count: lost } = victim();
    flipBit(dataDir, position + at);
    rmSync(`${dataDir}/queues`, { recursive: true });
    await withBroker(dataDir, async ({ client, warnings }) => {
      const [rebuilt, damage, ...others] = warnings;
      expect(rebuilt?.message).toMatch(/^the queue index is .+ made again from the log/);
      expect([damage?.message, damage?.details['position']]).toEqual([
        expect.stringMatching(/damage in the log/),
        position,
      ]);
      expect(others).toEqual([]);
      const { count, error } = await readToFailure(client, 'first');
      expect(error.message).toMatch(
        new RegExp(`${position}|offsets ${baseOffset} to ${baseOffset + lost - 1}`),
      );
      expect(count).toBeLessThanOrEqual(baseOffset);
      await expectWhole(client, 'second', COUNT);
      // Behind it everything is where it was: a group that gives the lost ones up goes on there.
      await client.admin().resetOffset({ group: 'reader', topic: 'first', to: 'latest' });
      await sendNumbers(client, 'first', COUNT, COUNT + 5);
      const messages = await readSome(client, 'first', 5, 'reader');
      expect(messages.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4].map((i) => COUNT + i));
    });
  });
});

it("an earlier life's batch that shows through where a write was lost is damage", async () => {
  await withBroker(dataDir, async ({ client }) => {
    await sendNumbers(client, 'first', COUNT, 2 * COUNT);
    const ours = mapLog(dataDir).batches.filter(
      ({ topicId, baseOffset }) => topicId === 1 && baseOffset > COUNT + 50,
    );
    const { position, baseOffset } = ours[0] as StoredBatch;
    const header = readLog(dataDir, position, BATCH_HEADER_BYTES);
    writeUint32(header, BATCH.epoch, 1);
    writeUint32(header, BATCH.headerCrc, headerCrcOf(header, 0, false));
    writeLog(dataDir, position, header);
    const { count, error } = await readToFailure(client, 'first');
    expect([count, error.code]).toEqual([baseOffset, 'LOG_CORRUPT']);
    expect(error.message).toMatch(new RegExp(`log position ${position}: a batch of an earlier epoch`));
  });
});

it('at more places than are told one by one is counted', async () => {
  const many = `${directory}/many`;
  const segmentBytes = 4 * 1024 * 1024;
  const places = MAX_DAMAGE_LISTED + 5;
  await withBroker(
    many,
    async ({ client }) => {
      await client.admin().createTopic({ topic: 't', queues: 1 });
      // As many producers at once as make batches of one message each.
      await Promise.all(
        Array.from({ length: 32 }, async () => {
          const producer = client.producer();
          for (let i = 0; i < places / 16; i++) {
            await producer.send({ topic: 't', body: 'x' });
          }
        }),
      );
    },
    { flush: 'async', segmentBytes },
  );
  const { batches } = mapLog(many, segmentBytes);
  const file = segmentOf(many, 0);
  const bytes = readFileSync(file);
  for (let i = 0; i < places; i++) {
    const { position } = batches[2 * i] as StoredBatch;
    bytes[position + BATCH.baseOffset] = (bytes[position + BATCH.baseOffset] as number) ^ 0xff;
  }
  writeFileSync(file, bytes);
  // The tables, as of a clean end, know all of it; only who reads the log meets the damage.
  rmSync(`${many}/queues`, { recursive: true });
  const small = await openSmall(many, { segmentBytes });
  const told = small.warnings.filter(({ message }) => message.startsWith('damage in the log'));
  expect(told).toHaveLength(MAX_DAMAGE_LISTED + 1);
  expect(told.at(-1)?.message).toMatch(/^damage in the log: 5 places more than are told one by one/);
  await small.close();
});

describe('a segment', () => {
  const harms: [string, (path: string) => void, RegExp][] = [
    ['cut short', (path) => truncateSync(path, 2_000), /cut short/],
    ['missing', (path) => rmSync(path), /missing/],
  ];
  it.each(harms)(
    'that is %s: readers are told, later messages are not touched',
    async (_what, harm, found) => {
      const { position } = victim();
      harm(segmentOf(dataDir, position));
      await withBroker(dataDir, async ({ client }) => {
        for (const topic of ['first', 'second']) {
          const { count, error } = await readToFailure(client, topic);
          expect(error.code).toBe('LOG_CORRUPT');
          expect(error.message).toMatch(/log position \d+/);
          expect(count).toBeLessThan(COUNT);
        }
        await expectWhole(client, 'late', LATE_COUNT);
        await sendNumbers(client, 'late', LATE_COUNT, LATE_COUNT + 5);
      });
      await expectVerified(found);
      // The same when the whole log is read again.
      rmSync(`${dataDir}/queues`, { recursive: true });
      await withBroker(dataDir, async ({ client, warnings }) => {
        expect(warnings.length).toBeGreaterThan(0);
        expect((await readToFailure(client, 'first')).error.code).toBe('LOG_CORRUPT');
        await expectWhole(client, 'late', LATE_COUNT + 5);
      });
    },
  );
});

describe('the end of the log', () => {
  it('a write that was torn is cut, and nothing that was acked with it', async () => {
    const { batches, end } = mapLog(dataDir);
    const last = batches.at(-1) as StoredBatch;
    // The first half of a batch as it might have been written there: a copy of one, so that everything but
    // its place is right.
    writeLog(dataDir, end, readLog(dataDir, last.position, last.length >> 1));
    const clean = await runCli(['log', 'verify', dataDir]);
    expect([clean.status, clean.stderr]).toEqual([0, '']);
    expect(clean.stdout.toString()).toMatch(/an append that did not finish/);
    await withBroker(dataDir, async ({ client, warnings }) => {
      expect(warnings).toEqual([]);
      for (const topic of ['first', 'second']) {
        await expectWhole(client, topic, COUNT);
      }
      await sendNumbers(client, 'late', LATE_COUNT, LATE_COUNT + 5);
      await expectWhole(client, 'late', LATE_COUNT + 5);
    });
  });

  it('whole batches of an earlier life behind a cut stay dead', async () => {
    const copy = `${dataDir}-longer`;
    cpSync(dataDir, copy, { recursive: true });
    const { end } = mapLog(dataDir);
    await withBroker(copy, async ({ client }) => {
      for (let number = 900; number < 930; number += 5) {
        await sendNumbers(client, 'late', number, number + 5);
      }
    });
    const longer = mapLog(copy);
    const [epoch, ...behind] = longer.batches.filter(({ position }) => position >= end);
    // All but the first message of what the other life appended is here, at its place; that one never got to
    // the disk, so nothing behind it says that it did.
    for (const { position, length } of [epoch as StoredBatch, ...behind.slice(1)]) {
      if (existsSync(segmentOf(dataDir, position))) {
        const batch = readLog(copy, position, length);
        writeUint64(batch, BATCH.flushed, end);
        writeUint32(batch, BATCH.headerCrc, headerCrcOf(batch, 0, false));
        writeLog(dataDir, position, batch);
      }
    }
    await withBroker(dataDir, async ({ client, warnings }) => {
      expect(warnings).toEqual([]);
      await expectWhole(client, 'late', LATE_COUNT);
      // New batches come to lie before the old ones, one of them right before.
      await sendNumbers(client, 'late', LATE_COUNT, LATE_COUNT + 3);
    });
    await withBroker(dataDir, ({ client }) => expectWhole(client, 'late', LATE_COUNT + 3));
    expect(mapLog(dataDir).end).toBeLessThan(longer.end + SMALL.segmentBytes);
  });
});
