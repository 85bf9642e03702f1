/** Where a group would go on reading, before anything is changed. */
import type { GroupDescription } from '../../client/index.js';
import type { StartPosition } from '../../wire/index.js';
import { backend } from './session.js';

export interface PlannedQueue {
  readonly brokerSet: string | null;
  readonly queueId: number;
  /** null: nothing is committed. */
  readonly now: number | null;
  readonly then: number;
  /** Below 0: it would read so many again; above: it would pass over so many. */
  readonly step: number;
}

/** Queues of a plan that are asked for a moment at once. */
const AT_ONCE = 16;

/** What a reset to `to` would do, queue by queue. Nothing is changed by asking. */
export async function planReset(group: string, topic: string, to: StartPosition): Promise<PlannedQueue[]> {
  const [described, { queueStates }] = await Promise.all([
    groupOrNone(group),
    backend().admin('describeTopic', topic),
  ]);
  const committed = committedOf(described, topic);
  const planned: PlannedQueue[] = [];
  for (let at = 0; at < queueStates.length; at += AT_ONCE) {
    const piece = await Promise.all(
      queueStates.slice(at, at + AT_ONCE).map(async ({ brokerSet, queueId, minOffset, maxOffset }) => {
        const then = await offsetOf(topic, brokerSet, queueId, minOffset, maxOffset, to);
        return plannedOf(committed, brokerSet ?? null, queueId, then, minOffset);
      }),
    );
    planned.push(...piece);
  }
  return planned;
}

/** What it would be to go on where another group is. */
export async function planCopy(group: string, topic: string, from: string): Promise<PlannedQueue[]> {
  const [described, other, { queueStates }] = await Promise.all([
    groupOrNone(group),
    backend().admin('describeGroup', from),
    backend().admin('describeTopic', topic),
  ]);
  const committed = committedOf(described, topic);
  const theirs = committedOf(other, topic);
  return queueStates.flatMap(({ brokerSet, queueId, minOffset }) => {
    const then = theirs.get(`${brokerSet ?? ''}/${queueId}`);
    return then === undefined || then === null
      ? []
      : [plannedOf(committed, brokerSet ?? null, queueId, then, minOffset)];
  });
}

async function groupOrNone(group: string): Promise<GroupDescription | null> {
  return backend()
    .admin('describeGroup', group)
    .catch(() => null);
}

function committedOf(group: GroupDescription | null, topic: string): Map<string, number | null> {
  return new Map(
    (group?.queues ?? [])
      .filter((queue) => queue.topic === topic)
      .map((queue) => [`${queue.brokerSet ?? ''}/${queue.queueId}`, queue.committedOffset]),
  );
}

function plannedOf(
  committed: Map<string, number | null>,
  brokerSet: string | null,
  queueId: number,
  then: number,
  minOffset: number,
): PlannedQueue {
  const now = committed.get(`${brokerSet ?? ''}/${queueId}`) ?? null;
  return { brokerSet, queueId, now, then, step: then - (now ?? minOffset) };
}

async function offsetOf(
  topic: string,
  brokerSet: string | undefined,
  queueId: number,
  minOffset: number,
  maxOffset: number,
  to: StartPosition,
): Promise<number> {
  if (to === 'earliest') {
    return minOffset;
  }
  if (to === 'latest') {
    return maxOffset;
  }
  if ('offset' in to) {
    return Math.min(maxOffset, Math.max(minOffset, to.offset));
  }
  const [first] = await backend().look({
    topic,
    queueId,
    ...(brokerSet === undefined ? {} : { brokerSet }),
    from: to,
    max: 1,
  });
  return first?.offset ?? maxOffset;
}
