import { expect, test } from 'vitest';
import { Inbox } from '../../native-free/client/consume/inbox.js';
import { BATCH, BATCH_HEADER_BYTES, FRAME_HEADER_BYTES, slotAligned } from '../../native-free/wire/index.js';
import { stampedBatch } from './batches.js';

const WINDOW_BYTES = 64 * 1024;

function makeInbox(grants: number[] = []): Inbox {
  return new Inbox(WINDOW_BYTES, (total) => grants.push(total));
}

/** A deliver frame with a batch of each of these queues, in this order. */
function frameOf(...queueIds: number[]): Uint8Array {
  return frameWith('x', ...queueIds);
}

function frameWith(body: string | Uint8Array, ...queueIds: number[]): Uint8Array {
  const batches = queueIds.map((queueId) => stampedBatch([{ topic: 't', body }], { queueId }));
  const frame = new Uint8Array(
    FRAME_HEADER_BYTES + batches.reduce((sum, batch) => sum + slotAligned(batch.length), 0),
  );
  let at = FRAME_HEADER_BYTES;
  for (const batch of batches) {
    frame.set(batch, at);
    at += slotAligned(batch.length);
  }
  return frame;
}

/** Takes what is there, a batch or skip a turn: the queue's number for a batch, a skip as `queue<offset`. */
function drain(inbox: Inbox, limit = Number.POSITIVE_INFINITY): string[] {
  const all: string[] = [];
  for (let queue = inbox.turn(); queue !== null && all.length < limit; queue = inbox.turn()) {
    const arrival = queue.first();
    if (arrival === undefined) {
      inbox.passTurn();
      continue;
    }
    if (arrival.source === null) {
      all.push(`${queue.queueId}<${arrival.offset}`);
      queue.shift();
    } else {
      all.push(String(queue.queueId));
      const length = slotAligned(
        new DataView(arrival.source.bytes.buffer).getUint32(arrival.at + BATCH.length, true),
      );
      arrival.at += length;
      inbox.took(queue, length);
      if (arrival.at >= arrival.end) {
        queue.shift();
      }
    }
    inbox.passTurn();
  }
  return all;
}

test('queues take turns of some 64 KiB, however many batches of one came first', () => {
  const inbox = makeInbox();
  const body = new Uint8Array(40_000);
  inbox.addFrame(frameWith(body, 0, 0, 0, 0, 0, 1, 1, 2), null);
  inbox.addFrame(frameWith(body, 2, 3), null);
  expect(drain(inbox)).toEqual(['0', '0', '1', '1', '2', '2', '3', '0', '0', '0']);
  expect(inbox.bufferedBytes).toBe(0);
  inbox.addFrame(frameOf(0, 1, 0, 1, 1), null);
  expect(drain(inbox)).toEqual(['0', '0', '1', '1', '1']);
});

test('a frame is given back once all of it was taken, by whichever queue last', () => {
  const released: Uint8Array[] = [];
  const inbox = makeInbox();
  const frame = frameOf(0, 1, 0);
  inbox.addFrame(frame, (done) => released.push(done));
  drain(inbox, 2);
  expect(released).toEqual([]);
  drain(inbox);
  expect(released).toEqual([frame]);
});

test('credit comes back with what is taken, to the byte', () => {
  const grants: number[] = [];
  const inbox = makeInbox(grants);
  inbox.open();
  let total = 0;
  while (grants.length < 3) {
    const frame = frameOf(0, 1, 2);
    total += frame.length;
    inbox.addFrame(frame, null);
    drain(inbox);
  }
  expect(grants[0]).toBe(WINDOW_BYTES);
  expect(grants.at(-1)).toBeLessThanOrEqual(WINDOW_BYTES + total);
  expect(grants.at(-1)).toBeGreaterThan(WINDOW_BYTES + total - WINDOW_BYTES / 4);
});

test('a frame whose batches do not add up is refused', () => {
  const tooLong = frameOf(0);
  new DataView(tooLong.buffer).setUint32(FRAME_HEADER_BYTES + BATCH.length, tooLong.length, true);
  const tooShort = frameOf(0);
  new DataView(tooShort.buffer).setUint32(FRAME_HEADER_BYTES + BATCH.length, BATCH_HEADER_BYTES - 1, true);
  for (const frame of [tooLong, tooShort, new Uint8Array(FRAME_HEADER_BYTES + 3)]) {
    expect(() => makeInbox().addFrame(frame, null)).toThrow(expect.objectContaining({ code: 'BAD_BATCH' }));
  }
});

test('skips that nobody takes are one for each queue', () => {
  const inbox = makeInbox();
  for (let offset = 1; offset <= 1000; offset++) {
    for (let queueId = 0; queueId < 3; queueId++) {
      inbox.addSkip(queueId, offset);
    }
  }
  expect(drain(inbox)).toEqual(['0<1000', '1<1000', '2<1000']);
});

test('a skip never overtakes a batch of its queue that came before it', () => {
  const inbox = makeInbox();
  inbox.addSkip(0, 1);
  inbox.addSkip(0, 2);
  inbox.addFrame(frameOf(0), null);
  inbox.addSkip(0, 3);
  inbox.addSkip(1, 7);
  inbox.addSkip(0, 4);
  expect(drain(inbox)).toEqual(['0<2', '0', '0<4', '1<7']);
});

test('a skip is not put into one that was taken already, nor into one of an earlier link', () => {
  const inbox = makeInbox();
  inbox.addSkip(0, 1);
  expect(drain(inbox)).toEqual(['0<1']);
  inbox.addSkip(0, 2);
  inbox.clear();
  inbox.addSkip(0, 3);
  expect(drain(inbox)).toEqual(['0<3']);
});

test('of an earlier assignment and the present one the present one counts, lower or not', () => {
  const inbox = makeInbox();
  inbox.addSkip(0, 100);
  const since = inbox.nextNumber;
  inbox.addSkip(0, 60);
  expect(inbox.turn()?.first()?.offset).toBe(60);
  expect(inbox.turn()?.first()?.number).toBeGreaterThanOrEqual(since);
  expect(drain(inbox)).toEqual(['0<60']);
});
