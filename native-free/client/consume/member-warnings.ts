/** What a member warns of, in words. */
import type { RingMQError } from '../../wire/index.js';
import type { DamagedQueue } from './types.js';
import type { Warnings } from './warnings.js';

/** Reading of a queue has come to damage. */
export function warnOfDamage(warnings: Warnings, damage: DamagedQueue, skips: boolean): void {
  const { topic, queueId, offset, error } = damage;
  const then = skips
    ? 'the consumer goes on behind it'
    : "the consumer reads no more of this queue; onDamage: 'skip' goes on behind it";
  warnings.tell(
    {
      type: 'damage',
      message: `queue ${queueId} of ${topic} is damaged at offset ${offset} (${error.code}: ${error.message}); ${then}`,
      topic,
      queueId,
      error,
    },
    offset,
  );
}

/** Messages were deleted before the group read them. */
export function warnOfExpired(
  warnings: Warnings,
  topic: string,
  { queueId, from, to }: { queueId: number; from: number; to: number },
): void {
  const what = to - from === 1 ? '1 message' : `${to - from} messages`;
  const message = `${what} of queue ${queueId} of ${topic}, from offset ${from} on, were deleted before the group read them; keep up, or keep messages longer (retentionMs, retentionBytes; of memory topics memoryRingBytes)`;
  warnings.tell({ type: 'expired', message, topic, queueId, expired: { from, to } }, from);
}

/** A refusal that may pass. `group` null: it reads in none. */
export function warnOfRefusedJoin(
  warnings: Warnings,
  topic: string,
  group: string | null,
  error: RingMQError,
): void {
  const whose = group === null ? 'the broker' : `group ${group}`;
  const message = `${whose} does not take this consumer of ${topic} now, it tries again (${error.code}: ${error.message})`;
  warnings.tell({ type: 'join-refused', message, topic, error });
}
