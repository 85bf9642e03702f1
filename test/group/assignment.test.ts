import { describe, expect, test } from 'vitest';
import { assignQueues, dealtQuotas, NOBODY } from '../../engine/group/assignment.js';
import { fc, test as property } from '../properties.js';

const assign = (current: number[], members: number): number[] => [
  ...assignQueues(Int32Array.from(current), members),
];

function counts(owners: readonly number[], members: number): number[] {
  return Array.from({ length: members }, (_, member) => owners.filter((owner) => owner === member).length);
}

describe('assignQueues', () => {
  test('hands out, keeps and moves as little as it must', () => {
    expect(assign([NOBODY, NOBODY, NOBODY, NOBODY, NOBODY], 2)).toEqual([0, 0, 0, 1, 1]);
    expect(assign([0, 0, 0, 0], 2)).toEqual([0, 0, 1, 1]);
    expect(assign([1, 0, 1, 0, 1], 2)).toEqual([1, 0, 1, 0, 1]);
    expect(assign([0, NOBODY, 2], 3)).toEqual([0, 1, 2]);
    expect(assign([0, 1], 4)).toEqual([0, 1]);
    expect(assign([0, 0], 0)).toEqual([NOBODY, NOBODY]);
    expect(assign([], 3)).toEqual([]);
  });

  const cases = fc.integer({ min: 1, max: 8 }).chain((members) =>
    fc.record({
      members: fc.constant(members),
      current: fc.array(fc.integer({ min: NOBODY, max: members - 1 }), { maxLength: 40 }),
    }),
  );

  property.prop([cases])('gives every queue to somebody, evenly', ({ members, current }) => {
    const target = assign(current, members);
    const held = counts(target, members);
    expect(held.reduce((sum, count) => sum + count, 0)).toBe(current.length);
    expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(1);
  });

  property.prop([cases])('no even assignment moves fewer queues', ({ members, current }) => {
    const target = assign(current, members);
    const kept = target.filter((member, queueId) => member === current[queueId]).length;
    const each = Math.floor(current.length / members);
    const extra = current.length % members;
    const held = counts(current, members);
    const most =
      held.reduce((sum, count) => sum + Math.min(count, each), 0) +
      Math.min(extra, held.filter((count) => count > each).length);
    expect(kept).toBe(most);
  });

  property.prop([cases])('changes nothing when asked again', ({ members, current }) => {
    const target = assign(current, members);
    expect(assign(target, members)).toEqual(target);
  });
});

describe('dealtQuotas', () => {
  const clusters = fc.record({
    sets: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 }),
    steps: fc.array(fc.record({ joins: fc.boolean(), which: fc.nat(1_000) }), {
      minLength: 1,
      maxLength: 20,
    }),
  });

  property.prop([clusters])(
    'members that come and go have queues of all sets that differ by one at most, and keep theirs when asked again',
    ({ sets, steps }) => {
      // Each set knows its members in the order in which they came to it, which differs from set to set.
      let ids: string[] = [];
      let made = 0;
      const owners = sets.map((queues) => new Array<string | null>(queues).fill(null));
      const settle = (): void => {
        let base = 0;
        for (const [set, queues] of sets.entries()) {
          const members = set % 2 === 0 ? ids : [...ids].reverse();
          const current = Int32Array.from(owners[set] ?? [], (id) =>
            id === null ? NOBODY : members.indexOf(id),
          );
          const target = assignQueues(current, members.length, dealtQuotas(members, base, queues));
          owners[set] = Array.from(target, (member) => members[member] ?? null);
          base += queues;
        }
      };
      for (const { joins, which } of steps) {
        ids =
          joins || ids.length === 0
            ? [...ids, `m${which}-${made++}`]
            : ids.filter((_, i) => i !== which % ids.length);
        settle();
        const all = owners.flat();
        if (ids.length > 0) {
          const held = ids.map((id) => all.filter((owner) => owner === id).length);
          expect(held.reduce((sum, count) => sum + count, 0)).toBe(all.length);
          expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(1);
        }
        const before = JSON.stringify(owners);
        settle();
        expect(JSON.stringify(owners)).toBe(before);
      }
    },
  );
});
