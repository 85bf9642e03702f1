import { expect, test } from 'vitest';
import { type Arrival, Inbox } from '../../native-free/client/consume/inbox.js';

function makeInbox(): Inbox {
  return new Inbox(1024 * 1024, () => {});
}

/** Everything in it, in the order it is handed out: `frame`, or a skip as `queue<offset`. */
function drain(inbox: Inbox): string[] {
  const all: string[] = [];
  for (let arrival = inbox.first(); arrival !== undefined; arrival = inbox.first()) {
    all.push(arrival.source === null ? `${arrival.queueId}<${arrival.offset}` : 'frame');
    inbox.shift();
  }
  return all;
}

test('skips that nobody takes are one for each queue', () => {
  const inbox = makeInbox();
  for (let offset = 1; offset <= 1000; offset++) {
    for (let queueId = 0; queueId < 3; queueId++) {
      inbox.addSkip(queueId, offset);
    }
  }
  expect(drain(inbox)).toEqual(['0<1000', '1<1000', '2<1000']);
});

test('a skip never overtakes a frame that came before it', () => {
  const inbox = makeInbox();
  inbox.addSkip(0, 1);
  inbox.addSkip(0, 2);
  inbox.addFrame(new Uint8Array(32), null);
  inbox.addSkip(0, 3);
  inbox.addSkip(1, 7);
  inbox.addSkip(0, 4);
  expect(drain(inbox)).toEqual(['0<2', 'frame', '0<4', '1<7']);
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
  const { offset, number } = inbox.first() as Arrival;
  expect(offset).toBe(60);
  expect(number).toBeGreaterThanOrEqual(since);
  expect(drain(inbox)).toEqual(['0<60']);
});
