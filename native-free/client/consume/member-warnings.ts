/** What a member warns of, in words. */
import type { RingMQError } from '../../wire/index.js';
import type { DamagedQueue } from './types.js';
import type { Warnings } from './warnings.js';

/** Which queues a warning is of. */
interface Where {
  topic: string;
  brokerSet?: string;
}

/** The same in words. */
function placeOf({ topic, brokerSet }: Where): string {
  return brokerSet === undefined ? topic : `${topic} in the broker set ${brokerSet}`;
}

/** Reading of a queue has come to damage. */
export function warnOfDamage(warnings: Warnings, damage: DamagedQueue, skips: boolean): void {
  const { topic, brokerSet, queueId, offset, error } = damage;
  const then = skips
    ? 'the consumer goes on behind it'
    : "the consumer reads no more of this queue; onDamage: 'skip' goes on behind it";
  warnings.tell(
    {
      type: 'damage',
      message: `queue ${queueId} of ${placeOf(damage)} is damaged at offset ${offset} (${error.code}: ${error.message}); ${then}`,
      topic,
      ...(brokerSet === undefined ? {} : { brokerSet }),
      queueId,
      error,
    },
    offset,
  );
}

/** Messages were deleted before the group read them. */
export function warnOfExpired(
  warnings: Warnings,
  where: Where,
  { queueId, from, to }: { queueId: number; from: number; to: number },
): void {
  const what = to - from === 1 ? '1 message' : `${to - from} messages`;
  const message = `${what} of queue ${queueId} of ${placeOf(where)}, from offset ${from} on, were deleted before the group read them; keep up, or keep messages longer (retentionMs, retentionBytes; of memory topics memoryRingBytes)`;
  warnings.tell({ type: 'expired', message, ...where, queueId, expired: { from, to } }, from);
}

/** An administrator has paused the group, or has it go on. */
export function warnOfPause(warnings: Warnings, where: Where, isPaused: boolean): void {
  const message = isPaused
    ? `the group is paused on ${placeOf(where)}: nothing is delivered until it is resumed (ringmq group resume)`
    : `the group goes on with ${placeOf(where)}: it was resumed`;
  warnings.tell({ type: isPaused ? 'paused' : 'resumed', message, ...where });
}

/** A refusal that may pass. `group` null: it reads in none. */
export function warnOfRefusedJoin(
  warnings: Warnings,
  where: Where,
  group: string | null,
  error: RingMQError,
): void {
  const whose = group === null ? 'the broker' : `group ${group}`;
  const message = `${whose} does not take this consumer of ${placeOf(where)} now, it tries again (${error.code}: ${error.message})`;
  warnings.tell({ type: 'join-refused', message, ...where, error });
}
