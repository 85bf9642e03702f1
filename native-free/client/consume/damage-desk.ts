/** What a member does about damage in the queues it reads: the broker hears of it, the user decides, reading stops or goes on behind it. */
import type { RingMQError } from '../../wire/index.js';
import type { Connection } from '../link/connection.js';
import type { HeldQueue } from './held-queue.js';
import type { Inbox } from './inbox.js';
import { damageOf } from './member-events.js';
import type { MemberOptions } from './member-options.js';
import { warnOfDamage } from './member-warnings.js';

/** Who reads. */
export interface DamageReader {
  /** Its number on the connection. */
  readonly consumerId: number;
  readonly inbox: Inbox;
  /** What its queues are of. */
  readonly where: { topic: string; brokerSet?: string };
}

export class DamageDesk {
  readonly #connection: Connection;
  readonly #options: MemberOptions;
  readonly #reader: DamageReader;

  constructor(connection: Connection, options: MemberOptions, reader: DamageReader) {
    this.#connection = connection;
    this.#options = options;
    this.#reader = reader;
  }

  /** The broker tells of damage: it is put in its place among the deliveries, what came before it is handed out first. */
  told(event: Record<string, unknown>): void {
    const damage = damageOf(event, this.#options.topic);
    if (damage !== null) {
      this.#reader.inbox.addDamage(damage.queueId, damage.offset, damage.error);
      this.#options.onChange();
    }
  }

  /** Reading of a queue has come to damage. `next`: the offset behind it; null: the broker knows, and waits to be asked to go on. */
  met(queue: HeldQueue, error: RingMQError, next: number | null): void {
    const { consumerId, where } = this.#reader;
    const { queueId, handedOut: offset, generation } = queue;
    const { onDamage, warnings } = this.#options;
    const damage = { ...where, queueId, offset, error };
    const params = { consumer: consumerId, queueId, generation };
    if (next !== null) {
      // The broker does not look into bodies: told, it looks, and has it repaired where another broker has it
      // whole.
      this.#connection.requests
        .call('reportDamage', { ...params, offset }, { onlyNow: true })
        .catch(() => {});
    }
    const skips = onDamage({ ...damage }) === 'skip';
    if (!skips) {
      queue.damage = error;
    } else if (next !== null) {
      queue.passOver(next);
    } else {
      // Should the answer be lost with the connection, the next one meets the damage again.
      this.#connection.requests.call('skipDamage', params, { onlyNow: true }).catch(() => {});
    }
    warnOfDamage(warnings, damage, skips);
  }
}
