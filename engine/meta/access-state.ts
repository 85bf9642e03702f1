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

  /** Differs from that of another state where any name, or when it was changed last, does. */
  get digest(): string {
    if (this.#digest === null) {
      const all = [...this.records()].map(({ type, name, changedTime }) => `${name} ${type} ${changedTime}`);
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
