/**
 * Who of a group's members should have which queue: as evenly as can be (counts differ by at most one), and
 * with as few queues moved as that allows. A pure function.
 */

/** In place of a member's index: nobody. */
export const NOBODY = -1;

/**
 * @param current for each queue the index of the member that has it now, or {@link NOBODY}.
 * @param members how many members there are; with none, every queue stays with nobody.
 * @returns for each queue the index of the member that should have it.
 */
export function assignQueues(current: Int32Array, members: number): Int32Array {
  const target = new Int32Array(current.length).fill(NOBODY);
  if (members === 0) {
    return target;
  }
  const quota = quotas(current, members);
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
 * How many queues each member should have. Where it does not come out even, those who have most now may keep one more, which is what
 * moves the fewest; among equals the earlier member.
 */
function quotas(current: Int32Array, members: number): Int32Array {
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
