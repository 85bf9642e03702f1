import { expect, test } from 'vitest';
import { checkHistory } from './checker.js';
import { History, type Sighting } from './history.js';

const STRICT = { losesNothing: true, storesOnce: true };

/** Two messages of one key, acked, delivered, and lying where they were acked. */
function good(): History {
  const history = new History();
  for (const number of [0, 1]) {
    const id = `p:k:${number}`;
    const at = { id, set: 'a', queueId: 0, offset: number };
    history.attempted({ id, producer: 'p', key: 'k', number });
    history.receipts.push({ ...at, by: 'producer p', master: { name: 'a', epoch: 1 } });
    history.deliveries.push({ ...at, by: 'consumer c' });
    history.scans.push({ ...at, by: 'scan of a' });
  }
  history.commits.push({ group: 'g', set: 'a', queueId: 0, offset: 1 });
  history.commits.push({ group: 'g', set: 'a', queueId: 0, offset: 2 });
  history.logs.push({ set: 'a', node: 'a', from: 0, to: 640, digest: 'x' });
  history.logs.push({ set: 'a', node: 'a-slave', from: 0, to: 640, digest: 'x' });
  return history;
}

test('a good history has no fault, and its counts', () => {
  expect(checkHistory(good(), STRICT)).toEqual({
    attempted: 2,
    acked: 2,
    unacked: 0,
    lost: [],
    delivered: 2,
    redelivered: 0,
    duplicated: [],
    recovered: 0,
    faults: [],
  });
});

const at = (history: History, list: 'receipts' | 'deliveries' | 'scans', i: number): Sighting =>
  history[list][i] as Sighting;

/** What each fault looks like, made from a good history. */
const FAULTS: [string, RegExp, (history: History) => void][] = [
  ['an acked message that is gone', /^lost: p:k:1/, (h) => void [h.scans.pop(), h.deliveries.pop()]],
  ['one that lies there and was given to nobody', /^undelivered: p:k:1/, (h) => void h.deliveries.pop()],
  [
    'one that nobody sent',
    /^unexpected: p:k:9/,
    (h) => h.deliveries.push({ ...at(h, 'scans', 0), id: 'p:k:9', offset: 9 }),
  ],
  [
    'one that is stored twice',
    /^duplicated: p:k:1/,
    (h) => h.scans.push({ ...at(h, 'scans', 1), offset: 2 }),
  ],
  [
    'a hole',
    /^gap: scan of a: a\/0 goes from 0 to 2/,
    (h) => Object.assign(at(h, 'scans', 1), { offset: 2 }),
  ],
  [
    'a place that had another message',
    /^reused: a\/0@1/,
    (h) => Object.assign(at(h, 'receipts', 0), { offset: 1 }),
  ],
  [
    'a key out of order',
    /^order: scan of a: p:k:0 stands behind number 1/,
    (h) => {
      h.scans.reverse();
      for (const [offset, sighting] of h.scans.entries()) {
        Object.assign(sighting, { offset });
      }
    },
  ],
  [
    'two masters of one epoch',
    /^two masters: a and b/,
    (h) => Object.assign(at(h, 'receipts', 1), { master: { name: 'b', epoch: 1 } }),
  ],
  [
    'a committed offset that went back',
    /^commit: g in a\/0 went back from 2 to 1/,
    (h) => h.commits.push({ group: 'g', set: 'a', queueId: 0, offset: 1 }),
  ],
  [
    'logs that differ',
    /^logs: a and a-slave differ/,
    (h) => Object.assign(h.logs[1] as object, { digest: 'y' }),
  ],
];

test.each(FAULTS)('%s is found', (_name, text, spoil) => {
  const history = good();
  spoil(history);
  expect(checkHistory(history, STRICT).faults).toContainEqual(expect.stringMatching(text));
});

test('what was not acked and is there is recovered, not a fault; a second delivery neither', () => {
  const history = good();
  history.receipts.pop();
  history.deliveries.push({ ...at(history, 'deliveries', 0) });
  expect(checkHistory(history, STRICT)).toMatchObject({
    recovered: 1,
    redelivered: 1,
    unacked: 1,
    faults: [],
  });
});

test('a mode that may lose is not blamed, and says what it lost', () => {
  const history = good();
  history.scans.pop();
  history.deliveries.pop();
  expect(checkHistory(history, { losesNothing: false, storesOnce: true })).toMatchObject({
    lost: ['p:k:1'],
    faults: [],
  });
});

test('of many faults of one kind some are told', () => {
  const history = good();
  for (let number = 2; number < 50; number++) {
    const id = `p:k:${number}`;
    history.attempted({ id, producer: 'p', key: 'k', number });
    history.receipts.push({ id, set: 'a', queueId: 0, offset: number, by: 'producer p' });
  }
  const { faults, lost } = checkHistory(history, STRICT);
  expect(lost).toHaveLength(48);
  expect(faults).toHaveLength(11);
  expect(faults.at(-1)).toBe('lost: and 38 more');
});
