/** Pages of several broker sets as one, and where each set goes on behind it. */
import { describe, expect, it } from 'vitest';
import { mergedFound, setCursors } from '../../native-free/client/cluster/found-merged.js';
import type { FindResult, FoundMessage } from '../../native-free/wire/index.js';

function message(queueId: number, storeTime: number): FoundMessage {
  const messageId = `${'0'.repeat(16)}${storeTime.toString(16).padStart(14, '0')}0000`;
  const none = { tag: null, keys: [], shardingKey: null, properties: {}, body: null, bodyBytes: 0 };
  return { queueId, offset: 0, messageId, storeTime, bornTime: 0, ...none };
}

function page(times: number[], cursor: string | null): FindResult {
  const messages = times.map((time) => message(3, time));
  return { topic: 't', messages, damage: [], cursor, complete: cursor === null };
}

const answersOf = (a: FindResult, b: FindResult) => [
  { set: 'a', value: a },
  { set: 'b', value: b },
];
const START = new Map([
  ['a', null],
  ['b', null],
]);

describe('pages of two sets', () => {
  it('are one in the order of times; each set goes on behind what was taken of it', () => {
    const found = mergedFound(answersOf(page([1, 4, 6], 'next-a'), page([2, 3, 7], null)), [], START, 4);
    expect(found.messages.map(({ brokerSet, storeTime }) => `${brokerSet}${storeTime}`)).toEqual([
      'a1',
      'b2',
      'b3',
      'a4',
    ]);
    expect(found.complete).toBe(false);
    const cursors = setCursors(found.cursor as string);
    expect(cursors.get('a')).toBe(`3/${message(3, 4).messageId}`);
    expect(cursors.get('b')).toBe(`3/${message(3, 3).messageId}`);
  });

  it('are complete once both are, and taken whole', () => {
    const whole = mergedFound(answersOf(page([1], null), page([2], null)), [], START, 10);
    expect(whole).toMatchObject({ complete: true, cursor: null });
    const half = mergedFound(answersOf(page([1], null), page([2], 'next-b')), [], START, 10);
    expect(setCursors(half.cursor as string)).toEqual(new Map([['b', 'next-b']]));
  });

  it('have nothing that is later than what a page that was cut short may have left out', () => {
    const cut = mergedFound(answersOf(page([1, 4], 'next-a'), page([2, 3, 7], null)), [], START, 10);
    expect(cut.messages.map(({ storeTime }) => storeTime)).toEqual([1, 2, 3, 4]);
    expect(setCursors(cut.cursor as string)).toEqual(
      new Map([
        ['a', 'next-a'],
        ['b', `3/${message(3, 3).messageId}`],
      ]),
    );
    const none = mergedFound(answersOf(page([], 'next-a'), page([2], null)), [], START, 10);
    expect(none.messages).toEqual([]);
    expect(setCursors(none.cursor as string)).toEqual(
      new Map([
        ['a', 'next-a'],
        ['b', null],
      ]),
    );
  });

  it('of which nothing was taken, or which gave none, are asked for again from where they were', () => {
    const before = new Map([
      ['a', 'was-a'],
      ['b', null],
      ['c', 'was-c'],
    ]);
    const found = mergedFound(answersOf(page([5], 'next-a'), page([1, 2], null)), ['c'], before, 2);
    expect(found.missingSets).toEqual(['c']);
    expect(setCursors(found.cursor as string)).toEqual(
      new Map([
        ['a', 'was-a'],
        ['c', 'was-c'],
      ]),
    );
  });

  it.each(['', '{}', '[]', 'null', '{"a":1}', 'x'])('a cursor that no page gave is refused: %s', (cursor) => {
    expect(() => setCursors(cursor)).toThrow(/cursor/);
  });
});
