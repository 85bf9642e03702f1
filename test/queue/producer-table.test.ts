import { describe, expect, it } from 'vitest';
import { LANE } from '../../engine/queue/index.js';
import { ACK_FLAG_DUPLICATE, BATCH_ATTRIBUTE, ERRORS } from '../../native-free/wire/index.js';
import { fc } from '../properties.js';
import { type BatchFacts, Rig } from './rig.js';

const TOPIC = 5;
const KEPT = 64;
const FRESH = 'fresh';

interface Known {
  epoch: number;
  last: number;
  floor: number;
  /** sequence → base offset, oldest first. */
  kept: [number, number][];
  isUsed: boolean;
}

/** What a lane should say, written as plainly as can be. Sequences are absolute here. */
class Model {
  readonly #known = new Map<number, Known>();
  /** The ids in their places, and where the hand stands that looks for one to forget. */
  readonly #places: number[] = [];
  #hand = 0;
  #hasForgotten = false;
  readonly #capacity: number;
  next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  send(id: number, epoch: number, sequence: number): string | number {
    let known = this.#known.get(id);
    if (known !== undefined && epoch < known.epoch) {
      return ERRORS.PRODUCER_FENCED.wire;
    }
    if (known === undefined && this.#hasForgotten && (sequence - 1) % 2 ** 32 >= KEPT) {
      return ERRORS.SEQUENCE_UNKNOWN.wire;
    }
    const isKnown = known !== undefined;
    if (known === undefined || epoch > known.epoch) {
      const floor = sequence - (this.#hasForgotten ? 1 : KEPT);
      known = { epoch, last: sequence - 1, floor, kept: [], isUsed: false };
    }
    if (sequence <= known.last) {
      const kept = known.kept.find(([candidate]) => candidate === sequence);
      if (kept !== undefined) {
        return `duplicate of ${kept[1]}`;
      }
      if (sequence <= known.floor) {
        return ERRORS.SEQUENCE_UNKNOWN.wire;
      }
    }
    known.last = Math.max(known.last, sequence);
    if (known.kept.length === KEPT) {
      known.floor = Math.max(known.floor, known.kept.shift()?.[0] as number);
    }
    known.kept.push([sequence, this.next++]);
    known.isUsed = isKnown;
    if (!isKnown) {
      this.#place(id);
    }
    this.#known.set(id, known);
    return FRESH;
  }

  #place(id: number): void {
    if (this.#places.length < this.#capacity) {
      this.#places.push(id);
      return;
    }
    for (;;) {
      const at = this.#hand;
      const known = this.#known.get(this.#places[at] as number) as Known;
      this.#hand = (at + 1) % this.#capacity;
      if (!known.isUsed) {
        this.#known.delete(this.#places[at] as number);
        this.#places[at] = id;
        this.#hasForgotten = true;
        return;
      }
      known.isUsed = false;
    }
  }
}

function send(
  rig: Rig,
  producerId: number,
  producerEpoch: number,
  sequence: number,
  more: Partial<BatchFacts> = {},
): string | number {
  const facts = { topicId: TOPIC, queueId: 0, producerId, producerEpoch, sequence, ...more };
  rig.publish(1, facts);
  rig.run();
  const [result] = rig.takeResults(1);
  if (result?.status !== 0) {
    return result?.status as number;
  }
  return result.flags === ACK_FLAG_DUPLICATE ? `duplicate of ${result.baseOffset}` : FRESH;
}

function rigWith(maxProducers: number): Rig {
  const rig = new Rig({ maxProducers });
  rig.table.open(0, TOPIC, 0, LANE.log);
  return rig;
}

describe('producer table', () => {
  it('judges as the model does, around the wrap of sequences too', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.constant({ kind: 'next' as const, by: 1 }) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 9 }).map((by) => ({ kind: 'next' as const, by })) },
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 90 }).map((by) => ({ kind: 'back' as const, by })) },
      { weight: 1, arbitrary: fc.integer({ min: -1, max: 1 }).map((by) => ({ kind: 'epoch' as const, by })) },
    );
    fc.assert(
      fc.property(
        fc.constantFrom(200, 2 ** 31 - 40, 2 ** 32 - 40),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), step), { maxLength: 400 }),
        (start, sends) => {
          const rig = rigWith(3);
          const model = new Model(3);
          const heads = new Map<number, { epoch: number; sequence: number }>();
          for (const [id, { kind, by }] of sends) {
            const head = heads.get(id) ?? { epoch: 1, sequence: start };
            heads.set(id, head);
            let { epoch, sequence } = head;
            if (kind === 'next') {
              sequence = head.sequence += by;
            } else if (kind === 'back') {
              sequence -= by;
            } else {
              epoch += by;
              head.epoch = Math.max(epoch, head.epoch);
            }
            expect(send(rig, id, epoch, sequence % 2 ** 32)).toBe(model.send(id, epoch, sequence));
          }
          expect(rig.table.nextOffset(0)).toBe(model.next);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('forgets the producer that has not sent for longest, of 4,096', () => {
    const rig = rigWith(4096);
    for (let id = 1; id <= 4096; id++) {
      expect(send(rig, id, 1, 10)).toBe(FRESH);
    }
    expect(send(rig, 1, 1, 11)).toBe(FRESH);
    expect(send(rig, 5000, 1, 1)).toBe(FRESH);
    expect(send(rig, 1, 1, 11)).toBe('duplicate of 4096');
    expect(send(rig, 3, 1, 10)).toBe('duplicate of 2');
    // Forgotten: what it sends for the first time counts as new, and what it sent before cannot be told any
    // more.
    expect(send(rig, 2, 1, 11)).toBe(FRESH);
    expect(send(rig, 2, 1, 10)).toBe(ERRORS.SEQUENCE_UNKNOWN.wire);
  });

  const SENT_BEFORE = { attributes: BATCH_ATTRIBUTE.sentBefore };
  const UNKNOWN = ERRORS.SEQUENCE_UNKNOWN.wire;

  it('does not store again what a forgotten producer says it has sent before', () => {
    const rig = rigWith(16);
    for (let id = 1; id <= 17; id++) {
      expect(send(rig, id, 0, 1)).toBe(FRESH);
    }
    expect(send(rig, 1, 0, 1, SENT_BEFORE)).toBe(UNKNOWN);
    // Nor what is not among a producer's first, whoever sends it.
    expect(send(rig, 1, 0, 65)).toBe(UNKNOWN);
    expect(send(rig, 17, 0, 1, SENT_BEFORE)).toBe('duplicate of 16');
    // The clock of the tests stands at 1000. Who was born well after all that was forgotten is new, and
    // cannot have been forgotten.
    expect(send(rig, 18, 0, 500, { ...SENT_BEFORE, bornTime: 1_000 + 60_001 })).toBe(FRESH);
  });

  it('takes what says it was sent before while nobody was forgotten', () => {
    const rig = rigWith(16);
    expect(send(rig, 1, 0, 1, SENT_BEFORE)).toBe(FRESH);
    expect(send(rig, 1, 0, 1, SENT_BEFORE)).toBe('duplicate of 0');
  });

  it('stores what a new producer was refused first after what was stored first', () => {
    const rig = rigWith(16);
    expect(send(rig, 1, 0, 6)).toBe(FRESH);
    expect(send(rig, 1, 0, 5)).toBe(FRESH);
    expect(send(rig, 1, 0, 5)).toBe('duplicate of 1');
    expect(send(rig, 1, 0, 6)).toBe('duplicate of 0');
  });

  it('does not take another batch under the same sequence for the first one', () => {
    const rig = rigWith(16);
    rig.table.open(1, TOPIC, 1, LANE.log);
    expect(send(rig, 1, 0, 1, { bodyCrc: 77 })).toBe(FRESH);
    expect(send(rig, 1, 0, 1, { bodyCrc: 78 })).toBe(UNKNOWN);
    expect(send(rig, 1, 0, 1, { bodyCrc: 77, queueId: 1 })).toBe(UNKNOWN);
    expect(send(rig, 1, 0, 1, { bodyCrc: 77 })).toBe('duplicate of 0');
  });

  it('stands thousands of producers that send once, in a table of 16', () => {
    const rig = rigWith(16);
    for (let id = 1; id <= 2_000; id++) {
      expect(send(rig, id, 1, 1)).toBe(FRESH);
      expect(send(rig, id, 1, 1)).toBe(`duplicate of ${id - 1}`);
    }
    for (let id = 1985; id <= 2_000; id++) {
      expect(send(rig, id, 1, 1)).toBe(`duplicate of ${id - 1}`);
    }
  });

  it('tells ids apart by all their 64 bits, and leaves id 0 alone', () => {
    const rig = rigWith(16);
    expect(send(rig, 1, 1, 1)).toBe(FRESH);
    expect(send(rig, 2 ** 32 + 1, 1, 1)).toBe(FRESH);
    expect(send(rig, 2 ** 32, 1, 1)).toBe(FRESH);
    expect(send(rig, 0, 1, 1)).toBe(FRESH);
    expect(send(rig, 0, 1, 1)).toBe(FRESH);
    expect(send(rig, 2 ** 32, 1, 1)).toBe('duplicate of 2');
  });
});
