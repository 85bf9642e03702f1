/** Users and roles as the log has them. The newest record of a name counts, so that what comes late, or again, changes nothing. */
import { createHash } from 'node:crypto';
import { type Grant, MAX_USERS, type ScramVerifier } from '../../native-free/wire/index.js';
import type { AccessRecord } from './control-records.js';

export interface StoredUser {
  readonly name: string;
  readonly scram: ScramVerifier;
  readonly roles: readonly string[];
  readonly grants: readonly Grant[];
  /** Milliseconds since 1970; rises with each change of the name. */
  readonly changedTime: number;
}

export interface StoredRole {
  readonly name: string;
  readonly grants: readonly Grant[];
  readonly changedTime: number;
}

export class AccessState {
  readonly users = new Map<string, StoredUser>();
  readonly roles = new Map<string, StoredRole>();
  /** Names that were deleted, the oldest first, with when. */
  readonly #gone = new Map<string, number>();
  #digest: string | null = null;

  /** Of the name's last change; -1: it never was. */
  changedTime(name: string): number {
    return (this.users.get(name) ?? this.roles.get(name))?.changedTime ?? this.#gone.get(name) ?? -1;
  }

  apply(record: AccessRecord): void {
    const { name, changedTime } = record;
    if (changedTime < this.changedTime(name)) {
      return;
    }
    this.#digest = null;
    this.users.delete(name);
    this.roles.delete(name);
    this.#gone.delete(name);
    switch (record.type) {
      case 'user': {
        const { scram, roles, grants } = record;
        this.users.set(name, { name, scram, roles, grants, changedTime });
        return;
      }
      case 'role':
        this.roles.set(name, { name, grants: record.grants, changedTime });
        return;
      case 'principalGone':
        this.#forgetOldest();
        this.#gone.set(name, changedTime);
    }
  }

  /**
   * Whether another broker's record of a name is to take the place of what is here: the later one does. Of two that were
   * made in one moment the same one does everywhere, an end before all else, or their brokers would never agree.
   */
  isNewer(record: AccessRecord): boolean {
    const { name, changedTime } = record;
    const known = this.changedTime(name);
    if (changedTime !== known) {
      return changedTime > known;
    }
    const user = this.users.get(name);
    const role = this.roles.get(name);
    const here: AccessRecord =
      user !== undefined
        ? { type: 'user', ...user }
        : role !== undefined
          ? { type: 'role', ...role }
          : { type: 'principalGone', name, changedTime: known };
    return orderText(record) > orderText(here);
  }

  /** Differs from that of another state where anything does. */
  get digest(): string {
    if (this.#digest === null) {
      const all = [...this.records()].map((record) => `${record.changedTime} ${orderText(record)}`);
      this.#digest = createHash('sha256').update(all.sort().join('\n')).digest('hex');
    }
    return this.#digest;
  }

  *records(): Generator<AccessRecord> {
    for (const role of this.roles.values()) {
      yield { type: 'role', ...role };
    }
    for (const user of this.users.values()) {
      yield { type: 'user', ...user };
    }
    for (const [name, changedTime] of this.#gone) {
      yield { type: 'principalGone', name, changedTime };
    }
  }

  #forgetOldest(): void {
    for (const oldest of this.#gone.keys()) {
      if (this.#gone.size < MAX_USERS) {
        return;
      }
      this.#gone.delete(oldest);
    }
  }
}

/** The same for records that say the same; that of an end is the greatest. */
function orderText(record: AccessRecord): string {
  switch (record.type) {
    case 'principalGone':
      return JSON.stringify([2, record.name]);
    case 'role':
      return JSON.stringify([1, record.name, grantTexts(record.grants)]);
    case 'user': {
      const { name, scram, roles, grants } = record;
      const { salt, iterations, storedKey, serverKey } = scram;
      return JSON.stringify([0, name, grantTexts(grants), roles, salt, iterations, storedKey, serverKey]);
    }
  }
}

function grantTexts(grants: readonly Grant[]): string[] {
  return grants.map(({ right, resource }) => `${right} ${resource}`);
}
