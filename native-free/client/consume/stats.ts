/** What a consumer has in hand, and how far it is behind. */
import { monotonicMs } from '../../time/index.js';
import type { QueueInfo } from '../../wire/index.js';
import type { HeldQueue } from './held-queue.js';
import { HOLD } from './held-queue.js';
import { HELD_BACK } from './inbox.js';
import type { TopicReading } from './memberships.js';
import type { ConsumerQueueStats, ConsumerStats } from './types.js';

/** `endsOf`: the queues of a topic as the broker has them. Rejects as that does. */
export async function statsOf(
  topics: readonly TopicReading[],
  endsOf: (reading: TopicReading) => Promise<readonly QueueInfo[]>,
): Promise<ConsumerStats> {
  const ends = await Promise.all(topics.map((reading) => endsOf(reading)));
  const now = monotonicMs();
  const queues = topics.flatMap((reading, i) => {
    const ended = new Map(ends[i]?.map(({ queueId, maxOffset }) => [queueId, maxOffset]));
    return reading.member.held.map((queue) => statsOfQueue(reading, queue, ended.get(queue.queueId), now));
  });
  const ages = queues.map(({ unackedForMs }) => unackedForMs).filter((age) => age !== null);
  return {
    unackedCount: queues.reduce((sum, queue) => sum + queue.unackedCount, 0),
    unackedForMs: ages.length === 0 ? null : Math.max(...ages),
    lag: queues.reduce((sum, queue) => sum + queue.lag, 0),
    bufferedBytes: topics.reduce((sum, { member }) => sum + member.inbox.bufferedBytes, 0),
    queues,
  };
}

function statsOfQueue(
  { topic, link, member }: TopicReading,
  queue: HeldQueue,
  end: number | undefined,
  now: number,
): ConsumerQueueStats {
  const { queueId, done, handedOut, unackedCount, waitingAcks, damage } = queue;
  const heldBack = member.inbox.heldBack(queueId);
  let state: ConsumerQueueStats['state'] = 'reading';
  if (damage !== null) {
    state = 'damaged';
  } else if (queue.hold === HOLD.revoking) {
    state = 'revoked';
  } else if ((heldBack & HELD_BACK.paused) !== 0) {
    state = 'paused';
  } else if ((heldBack & HELD_BACK.full) !== 0) {
    state = 'full';
  }
  return {
    topic,
    ...(link.set === null ? {} : { brokerSet: link.set }),
    queueId,
    state,
    doneOffset: done,
    nextOffset: handedOut,
    unackedCount,
    waitingAckCount: waitingAcks,
    unackedForMs: queue.unackedForMs(now),
    lag: Math.max(0, (end ?? handedOut) - done),
    bufferedBytes: member.inbox.bytesOf(queueId),
  };
}
