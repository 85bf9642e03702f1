/**
 * Who of a group's members should have which queue: as evenly as can be (counts differ by at most one), and
 * with as few queues moved as that allows. Of a topic that several broker sets share each set knows its own
 * queues alone; there it is all queues together of which members have as many, because each set gives every
 * member the share that is fixed for it. Pure functions.
 */

/** In place of a member's index: nobody. */
export const NOBODY = -1;

/**
 * @param current for each queue the index of the member that has it now, or {@link NOBODY}.
 * @param members how many members there are; with none, every queue stays with nobody.
 * @param quota how many queues each member should have; all of them together.
 * @returns for each queue the index of the member that should have it.
 */
export function assignQueues(
  current: Int32Array,
  members: number,
  quota: Int32Array = evenQuotas(current, members),
): Int32Array {
  const target = new Int32Array(current.length).fill(NOBODY);
  if (members === 0) {
    return target;
  }
  const open: number[] = [];
  for (let queueId = 0; queueId < current.length; queueId++) {
    const member = current[queueId] as number;
    if (member !== NOBODY && (quota[member] as number) > 0) {
      quota[member] = (quota[member] as number) - 1;
      target[queueId] = member;
    } else {
      open.push(queueId);
    }
  }
  let member = 0;
  for (const queueId of open) {
    while ((quota[member] as number) === 0) {
      member++;
    }
    quota[member] = (quota[member] as number) - 1;
    target[queueId] = member;
  }
  return target;
}

/**
 * How many queues each member should have. Where it does not come out even, those who have most now may keep
 * one more, which is what moves the fewest; among equals the earlier member.
 */
function evenQuotas(current: Int32Array, members: number): Int32Array {
  if (members === 0) {
    return new Int32Array(0);
  }
  const held = new Int32Array(members);
  for (const member of current) {
    if (member !== NOBODY) {
      held[member] = (held[member] as number) + 1;
    }
  }
  const each = Math.floor(current.length / members);
  const quota = new Int32Array(members).fill(each);
  const byHeld = Array.from(held, (_, member) => member).sort(
    (a, b) => (held[b] as number) - (held[a] as number) || a - b,
  );
  for (const member of byHeld.slice(0, current.length % members)) {
    quota[member] = each + 1;
  }
  return quota;
}

/**
 * How many of the queues numbered `base` and on, among all of the topic, each member should have: all queues
 * are dealt out in turn, so that over all broker sets the members' numbers differ by one at most, without a
 * word between the sets.
 * @param memberIds unique; every set ranks them alike.
 */
export function dealtQuotas(memberIds: readonly string[], base: number, queues: number): Int32Array {
  const members = memberIds.length;
  const ranked = memberIds.map((_, i) => i).sort((a, b) => compare(memberIds[a] ?? '', memberIds[b] ?? ''));
  const quota = new Int32Array(members);
  for (const [rank, member] of ranked.entries()) {
    quota[member] = dealtTo(rank, members, base + queues) - dealtTo(rank, members, base);
  }
  return quota;
}

/** How many of the first `queues` go to the member of this rank. */
function dealtTo(rank: number, members: number, queues: number): number {
  return Math.max(0, Math.ceil((queues - rank) / members));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
