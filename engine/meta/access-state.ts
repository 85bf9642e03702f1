/** Users and roles as the log has them. Records of a name are merged (access-merge.ts), so that what comes late, or again, changes nothing. */
import { createHash } from 'node:crypto';
import {
  type Grant,
  MAX_USERS,
  NO_LIMITS,
  type ScramVerifier,
  type UserLimits,
} from '../../native-free/wire/index.js';
import {
  type Changed,
  changed,
  merge,
  type Principal,
  principalOf,
  recordOf,
  textOf,
} from './access-merge.js';
import type { AccessRecord } from './control-records.js';

export interface StoredUser {
  readonly name: string;
  readonly scram: ScramVerifier;
  readonly roles: readonly string[];
  readonly grants: readonly Grant[];
  readonly limits: Readonly<UserLimits>;
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
  /** All of both, with their times. */
  readonly #known = new Map<string, Principal>();
  /** Names that were deleted, the oldest first, with when. */
  readonly #gone = new Map<string, number>();
  #digest: string | null = null;

  /** Of the name's last change; -1: it never was. */
  changedTime(name: string): number {
    return this.#known.get(name)?.changedTime ?? this.#gone.get(name) ?? -1;
  }

  /** Of a user's password; -1: there is no such user. */
  scramTime(name: string): number {
    return this.#known.get(name)?.scramTime ?? -1;
  }

  apply(record: AccessRecord): void {
    const merged = this.#mergedWith(record);
    if (merged !== null) {
      this.#put(merged);
    }
  }

  /** Another broker's record and what is here, put together; null: that is what is here. */
  merged(record: AccessRecord): AccessRecord | null {
    const merged = this.#mergedWith(record);
    return merged === null ? null : recordOf(merged);
  }

  /** The record that makes a user or role as it is wanted. */
  changed(wanted: Changed, changedTime: number, scramTime = changedTime): AccessRecord {
    return recordOf(changed(this.#principal(wanted.name), wanted, changedTime, scramTime));
  }

  /** Differs from that of another state where anything does. */
  get digest(): string {
    if (this.#digest === null) {
      const all = [...this.#known.values(), ...[...this.#gone].map(goneOf)].map(textOf);
      this.#digest = createHash('sha256').update(all.sort().join('\n')).digest('hex');
    }
    return this.#digest;
  }

  *records(): Generator<AccessRecord> {
    for (const name of this.roles.keys()) {
      yield recordOf(this.#known.get(name) as Principal);
    }
    for (const name of this.users.keys()) {
      yield recordOf(this.#known.get(name) as Principal);
    }
    for (const [name, changedTime] of this.#gone) {
      yield { type: 'principalGone', name, changedTime };
    }
  }

  #principal(name: string): Principal | undefined {
    const gone = this.#gone.get(name);
    return this.#known.get(name) ?? (gone === undefined ? undefined : goneOf([name, gone]));
  }

  #mergedWith(record: AccessRecord): Principal | null {
    const given = principalOf(record);
    const here = this.#principal(record.name);
    const merged = merge(here ?? given, given);
    return here !== undefined && textOf(merged) === textOf(here) ? null : merged;
  }

  #put(principal: Principal): void {
    const { name } = principal;
    const record = recordOf(principal);
    this.#digest = null;
    for (const map of [this.users, this.roles, this.#known, this.#gone]) {
      map.delete(name);
    }
    if (record.type === 'principalGone') {
      this.#forgetOldest();
      this.#gone.set(name, record.changedTime);
      return;
    }
    this.#known.set(name, principal);
    const { grants, changedTime } = record;
    if (record.type === 'user') {
      const { scram, roles } = record;
      const limits = { ...NO_LIMITS, ...record.limits };
      this.users.set(name, { name, scram, roles, grants, limits, changedTime });
    } else {
      this.roles.set(name, { name, grants, changedTime });
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

function goneOf([name, changedTime]: readonly [string, number]): Principal {
  return principalOf({ type: 'principalGone', name, changedTime });
}
