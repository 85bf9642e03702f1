/** Where a group would go on reading, as the brokers say, before anything is changed. */
import type { ResetQueue } from '../../client/index.js';
import type { StartPosition } from '../../wire/index.js';
import { backend } from './session.js';

export interface PlannedQueue {
  readonly brokerSet: string | null;
  readonly queueId: number;
  /** null: nothing is committed. */
  readonly now: number | null;
  readonly after: number;
  /** Below 0: it would read so many again; above: it would pass over so many. */
  readonly step: number;
}

/** What a reset to `to` would do, queue by queue. Nothing is changed by asking. */
export function planReset(group: string, topic: string, to: StartPosition): Promise<PlannedQueue[]> {
  return planned(topic, backend().admin('resetOffset', { group, topic, to, dryRun: true }));
}

/** What it would be to go on where another group is. */
export function planCopy(group: string, topic: string, from: string): Promise<PlannedQueue[]> {
  return planned(topic, backend().admin('copyOffsets', { from, to: group, topic, dryRun: true }));
}

async function planned(topic: string, asked: Promise<ResetQueue[]>): Promise<PlannedQueue[]> {
  const [queues, { queueStates }] = await Promise.all([asked, backend().admin('describeTopic', topic)]);
  const keyOf = (set: string | undefined, queueId: number): string => `${set ?? ''}/${queueId}`;
  // Who has committed nothing begins at the first message.
  const first = new Map(
    queueStates.map(({ brokerSet, queueId, minOffset }) => [keyOf(brokerSet, queueId), minOffset]),
  );
  return queues.map(({ brokerSet, queueId, before, offset }) => ({
    brokerSet: brokerSet ?? null,
    queueId,
    now: before,
    after: offset,
    step: offset - (before ?? first.get(keyOf(brokerSet, queueId)) ?? offset),
  }));
}
