/** What was committed at a slave while its master was away: it counts at the master as if it had been committed there. */
import { isRingMQError } from '../../native-free/wire/index.js';
import type { GroupAges, GroupCoordinator, GroupOffsets } from '../group/index.js';
import { countingPairs, type HeldEntry } from '../meta/held-offsets.js';
import type { MetaState } from '../meta/meta-state.js';

export interface TakeOverDeps {
  state: MetaState;
  offsets: GroupOffsets;
  coordinator: GroupCoordinator;
  ages: GroupAges;
  /** Where the queue ends. */
  maxOffset(topicId: number, queueId: number): number;
}

/** Takes one group's offsets on a topic, as far as they count. */
export function takeOver(entry: HeldEntry, deps: TakeOverDeps): void {
  const { group, topicId } = entry;
  const pairs = countingPairs(deps.state, entry);
  if (pairs.length === 0) {
    return;
  }
  try {
    deps.coordinator.requireRoom(group);
  } catch (error) {
    if (isRingMQError(error) && error.code === 'TOO_MANY_GROUPS') {
      return; // As if it had come here first.
    }
    throw error;
  }
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const queueId = pairs[i] as number;
    // Its slave may have had more of the log than there is now.
    const end = deps.maxOffset(topicId, queueId);
    deps.offsets.commit(group, topicId, queueId, Math.min(pairs[i + 1] as number, end));
  }
  deps.ages.used(group);
}
