/** What operators do to users, roles and grants, one change at a time. Each returns when the log has it, at the broker's flush policy. */
import {
  ADMIN_GRANTS,
  ADMIN_ROLE,
  type ControlMethods,
  type Grant,
  type GrantInfo,
  grantFault,
  limitFault,
  MAX_GRANTS,
  MAX_GRANTS_CHARACTERS,
  MAX_ROLES,
  MAX_USERS,
  NAME_PATTERN,
  NO_LIMITS,
  passwordMessage,
  RingMQError,
  type RoleInfo,
  USER_LIMITS,
  type UserInfo,
} from '../../native-free/wire/index.js';
import type { AccessState, StoredRole, StoredUser } from '../meta/access-state.js';
import type { AccessRecord, ControlRecord } from '../meta/control-records.js';
import { decodeRecords, encodeRecords } from '../meta/record-codec.js';
import { cutName, printable } from '../meta/topic-catalog.js';
import type { AccessDesk } from './access-desk.js';

type Params<M extends keyof ControlMethods> = ControlMethods[M]['params'];

export interface AccessAdminDeps {
  readonly state: AccessState;
  readonly desk: AccessDesk;
  append(records: readonly AccessRecord[]): Promise<void>;
}

export class AccessAdmin {
  readonly #state: AccessState;
  readonly #desk: AccessDesk;
  readonly #append: AccessAdminDeps['append'];
  #last: Promise<unknown> = Promise.resolve();

  constructor({ state, desk, append }: AccessAdminDeps) {
    this.#state = state;
    this.#desk = desk;
    this.#append = append;
  }

  /** @throws RingMQError BAD_ARGUMENT, USER_EXISTS, USER_NOT_FOUND (a role), NOT_MASTER, DISK_FULL, DISK_FAILED */
  createUser({ user, scram, roles = [], ifNotExists }: Params<'createUser'>): Promise<UserInfo> {
    return this.#inTurn(async () => {
      checkName('user', user);
      const there = this.#state.users.get(user);
      if (there !== undefined && ifNotExists === true) {
        return infoOfUser(there);
      }
      this.#refuseTaken(user);
      this.#checkRoles(roles);
      refuseFull('users', this.#state.users.size, MAX_USERS);
      return this.#putUser({ name: user, scram, roles: unique(roles), grants: [], limits: NO_LIMITS });
    });
  }

  /** @throws RingMQError USER_NOT_FOUND, NOT_AUTHENTICATED (the proof), NOT_MASTER, DISK_FULL, DISK_FAILED */
  async setPassword({ user, scram, proof = null }: Params<'setPassword'>): Promise<UserInfo> {
    if (proof !== null) {
      await this.#desk.proveOwn(user, passwordMessage(user, scram), proof);
    }
    return this.#inTurn(async () => {
      const known = this.#requireUser(user);
      // Of the user it is no change of rights: its time is that of the password alone.
      const scramTime = Math.max(Date.now(), this.#state.scramTime(user) + 1);
      return this.#putUser({ ...known, scram }, known.changedTime + 1, scramTime);
    });
  }

  /** @throws RingMQError USER_NOT_FOUND (of a role, too), NOT_MASTER, DISK_FULL, DISK_FAILED */
  setRoles({ user, roles }: Params<'setRoles'>): Promise<UserInfo> {
    return this.#inTurn(async () => {
      const known = this.#requireUser(user);
      this.#checkRoles(roles);
      return this.#putUser({ ...known, roles: unique(roles) });
    });
  }

  /** What is left out stays as it is. @throws RingMQError BAD_ARGUMENT, USER_NOT_FOUND (of a role, too), NOT_MASTER, DISK_FULL, DISK_FAILED */
  setLimits({ user, ...given }: Params<'setLimits'>): Promise<UserInfo> {
    return this.#inTurn(async () => {
      const known = this.#requireUser(user);
      const limits = { ...known.limits };
      for (const limit of USER_LIMITS) {
        const { [limit]: value = limits[limit] } = given;
        const fault = limitFault(limit, value);
        if (fault !== null) {
          throw new RingMQError('BAD_ARGUMENT', `${limit} ${fault}`, { details: { option: limit, value } });
        }
        limits[limit] = value;
      }
      const isSame = USER_LIMITS.every((limit) => limits[limit] === known.limits[limit]);
      return isSame ? infoOfUser(known) : this.#putUser({ ...known, limits });
    });
  }

  /** @throws RingMQError USER_NOT_FOUND, BAD_ARGUMENT (the last administrator), NOT_MASTER, DISK_FULL, DISK_FAILED */
  deleteUser({ user }: Params<'deleteUser'>): Promise<Record<string, never>> {
    return this.#inTurn(async () => {
      this.#requireUser(user);
      return this.#end(user);
    });
  }

  /** @throws RingMQError BAD_ARGUMENT, USER_EXISTS, NOT_MASTER, DISK_FULL, DISK_FAILED */
  createRole({ role, ifNotExists }: Params<'createRole'>): Promise<RoleInfo> {
    return this.#inTurn(async () => {
      checkName('role', role);
      const there = this.#state.roles.get(role);
      if (there !== undefined && ifNotExists === true) {
        return infoOfRole(there);
      }
      this.#refuseTaken(role);
      if (role === ADMIN_ROLE) {
        throw new RingMQError('USER_EXISTS', `the role '${role}' is there already, and has every right`);
      }
      refuseFull('roles', this.#state.roles.size, MAX_ROLES);
      return this.#putRole({ name: role, grants: [] });
    });
  }

  /** Users that have it lose its rights. @throws RingMQError USER_NOT_FOUND, NOT_MASTER, DISK_FULL, DISK_FAILED */
  deleteRole({ role }: Params<'deleteRole'>): Promise<Record<string, never>> {
    return this.#inTurn(async () => {
      if (!this.#state.roles.has(role)) {
        throw notFound(role);
      }
      // A role of the same name that comes later is another one: who had this one does not have that.
      const holders = [...this.#state.users.values()]
        .filter(({ roles }) => roles.includes(role))
        .map((user): AccessRecord => {
          const roles = user.roles.filter((each) => each !== role);
          return this.#state.changed({ type: 'user', ...user, roles }, this.#nextTime(user.name));
        });
      return this.#end(role, holders);
    });
  }

  /** @throws RingMQError BAD_ARGUMENT, USER_NOT_FOUND, NOT_MASTER, DISK_FULL, DISK_FAILED */
  grant({ to, right, resource }: Params<'grant'>): Promise<Record<string, never>> {
    return this.#inTurn(async () => {
      checkGrant(right, resource);
      const { grants } = this.#require(to);
      if (!grants.some((grant) => isSame(grant, right, resource))) {
        await this.#putGrants(to, [...grants, { right, resource }]);
      }
      return {};
    });
  }

  /** @throws RingMQError BAD_ARGUMENT, USER_NOT_FOUND, NOT_MASTER, DISK_FULL, DISK_FAILED */
  revoke({ to, right, resource }: Params<'revoke'>): Promise<Record<string, never>> {
    return this.#inTurn(async () => {
      checkGrant(right, resource);
      const { grants } = this.#require(to);
      const kept = grants.filter((grant) => !isSame(grant, right, resource));
      if (kept.length < grants.length) {
        await this.#putGrants(to, kept);
      }
      return {};
    });
  }

  /** All there is, in the order of names, for another master; nothing for one that has the same. */
  records(digest: string | null): AccessRecord[] {
    return digest === this.#state.digest ? [] : sorted(this.#state.records());
  }

  /**
   * Another master's records, each merged with what is here. Resolves with how many said something new.
   * @throws RingMQError LOG_CORRUPT, NOT_MASTER, DISK_FULL, DISK_FAILED
   */
  take(given: readonly unknown[]): Promise<number> {
    return this.#inTurn(async () => {
      const records = decodeRecords(encodeRecords(given as AccessRecord[]), null).filter(isAccessRecord);
      const merged = records.map((record) => this.#state.merged(record)).filter((record) => record !== null);
      if (merged.length > 0) {
        await this.#append(merged);
      }
      return merged.length;
    });
  }

  users(): UserInfo[] {
    return sorted(this.#state.users.values()).map(infoOfUser);
  }

  roles(): RoleInfo[] {
    return sorted(this.#state.roles.values()).map(infoOfRole);
  }

  /** Of all users and roles that have some, in the order of their names. */
  grants(): { name: string; rows: GrantInfo[] }[] {
    const all = sorted([...this.#state.users.values(), ...this.#state.roles.values()]);
    return all
      .filter(({ grants }) => grants.length > 0)
      .map(({ name, grants }) => {
        const isRole = this.#state.roles.has(name);
        return { name, rows: grants.map(({ right, resource }) => ({ to: name, isRole, right, resource })) };
      });
  }

  /** @throws RingMQError BAD_ARGUMENT, USER_NOT_FOUND */
  test({ user, right, resource }: Params<'testAccess'>): { allowed: boolean } {
    checkGrant(right, resource);
    if (resource.endsWith('*')) {
      throw new RingMQError('BAD_ARGUMENT', 'name one topic or group, or cluster, without *');
    }
    const rights = this.#desk.rightsOf(user);
    if (rights === null) {
      throw notFound(user);
    }
    return { allowed: rights.may(right, resource) };
  }

  async #putUser(
    user: Omit<StoredUser, 'changedTime'>,
    changedTime = this.#nextTime(user.name),
    scramTime = changedTime,
  ): Promise<UserInfo> {
    await this.#change(this.#state.changed({ type: 'user', ...user }, changedTime, scramTime));
    return infoOfUser({ ...user, changedTime });
  }

  async #putRole(role: Omit<StoredRole, 'changedTime'>): Promise<RoleInfo> {
    const changedTime = this.#nextTime(role.name);
    await this.#change(this.#state.changed({ type: 'role', ...role }, changedTime));
    return infoOfRole({ ...role, changedTime });
  }

  async #putGrants(to: string, grants: readonly Grant[]): Promise<void> {
    const characters = grants.reduce((sum, { resource }) => sum + resource.length, 0);
    if (grants.length > MAX_GRANTS || characters > MAX_GRANTS_CHARACTERS) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        `'${to}' has as many grants as one may: ${MAX_GRANTS}, with ${MAX_GRANTS_CHARACTERS} characters; grant prefixes, or several roles`,
        { details: { limit: MAX_GRANTS, limitCharacters: MAX_GRANTS_CHARACTERS } },
      );
    }
    const user = this.#state.users.get(to);
    await (user === undefined ? this.#putRole({ name: to, grants }) : this.#putUser({ ...user, grants }));
  }

  /** `before`: what changes with it. */
  async #end(name: string, before: readonly AccessRecord[] = []): Promise<Record<string, never>> {
    await this.#change({ type: 'principalGone', name, changedTime: this.#nextTime(name) }, before);
    return {};
  }

  /** Somebody stays who can change rights: nobody could give them back. */
  async #change(record: AccessRecord, before: readonly AccessRecord[] = []): Promise<void> {
    if (isAdministered(this.#state, null) && !isAdministered(this.#state, record)) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        'nobody would be left who may manage the cluster: give another user the role admin before',
        { details: { name: record.name } },
      );
    }
    await this.#append([...before, record]);
  }

  /** Rises, though the clock may have been set back. A wall clock's: sets of a cluster compare it. */
  #nextTime(name: string): number {
    return Math.max(Date.now(), this.#state.changedTime(name) + 1);
  }

  #require(name: string): StoredUser | StoredRole {
    const found = this.#state.users.get(name) ?? this.#state.roles.get(name);
    if (found === undefined) {
      throw name === ADMIN_ROLE
        ? new RingMQError('BAD_ARGUMENT', `the role '${name}' has every right, and cannot be changed`)
        : notFound(name);
    }
    return found;
  }

  #requireUser(user: string): StoredUser {
    const found = this.#state.users.get(user);
    if (found === undefined) {
      throw notFound(user);
    }
    return found;
  }

  #refuseTaken(name: string): void {
    const isUser = this.#state.users.has(name);
    if (isUser || this.#state.roles.has(name)) {
      const message = `there is a ${isUser ? 'user' : 'role'} '${name}' already`;
      throw new RingMQError('USER_EXISTS', message, { details: { name } });
    }
  }

  #checkRoles(roles: readonly string[]): void {
    const missing = roles.find((role) => role !== ADMIN_ROLE && !this.#state.roles.has(role));
    if (missing !== undefined) {
      throw notFound(missing);
    }
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#last.then(change);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Whether any user may change rights. `change`: as if it had been made. */
function isAdministered(state: AccessState, change: AccessRecord | null): boolean {
  const grantsOf = (role: string): readonly Grant[] => {
    if (role === ADMIN_ROLE) {
      return ADMIN_GRANTS;
    }
    if (role === change?.name) {
      return change.type === 'role' ? change.grants : [];
    }
    return state.roles.get(role)?.grants ?? [];
  };
  const manages = ({ right, resource }: Grant): boolean =>
    right === 'manage' && (resource === 'cluster' || resource === '*');
  const isOne = ({ roles, grants }: Pick<StoredUser, 'roles' | 'grants'>): boolean =>
    grants.some(manages) || roles.some((role) => grantsOf(role).some(manages));
  for (const user of state.users.values()) {
    if (user.name !== change?.name && isOne(user)) {
      return true;
    }
  }
  return change?.type === 'user' && isOne(change);
}

function infoOfUser({ name, roles, grants, limits, changedTime }: StoredUser): UserInfo {
  return { user: name, roles: [...roles], grants: [...grants], limits: { ...limits }, changedTime };
}

function infoOfRole({ name, grants, changedTime }: StoredRole): RoleInfo {
  return { role: name, grants: [...grants], changedTime };
}

function sorted<T extends { readonly name: string }>(all: Iterable<T>): T[] {
  return [...all].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

function isSame(grant: Grant, right: string, resource: string): boolean {
  return grant.right === right && grant.resource === resource;
}

function checkName(what: 'user' | 'role', name: string): void {
  if (!NAME_PATTERN.test(name)) {
    throw new RingMQError(
      'BAD_ARGUMENT',
      `a ${what}'s name is 1 to 127 of A-Z a-z 0-9 . _ / -; '${printable(name)}' is not`,
    );
  }
}

function checkGrant(right: string, resource: string): void {
  const fault = grantFault(right, resource);
  if (fault !== null) {
    throw new RingMQError('BAD_ARGUMENT', `${fault}; not '${printable(`${right} ${resource}`)}'`);
  }
}

function refuseFull(what: string, count: number, limit: number): void {
  if (count >= limit) {
    throw new RingMQError('BAD_ARGUMENT', `there are as many ${what} as there may be: ${limit}`, {
      details: { limit },
    });
  }
}

function notFound(name: string): RingMQError {
  return new RingMQError('USER_NOT_FOUND', `there is no user or role '${printable(name)}'`, {
    details: { name: cutName(name) },
  });
}

function isAccessRecord(record: ControlRecord): record is AccessRecord {
  const isOne = record.type === 'user' || record.type === 'role' || record.type === 'principalGone';
  return isOne && NAME_PATTERN.test(record.name);
}
