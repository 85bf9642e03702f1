/** Users, roles and grants, as one broker and a cluster are asked for them alike. Arguments are checked at the call. */
import {
  AUDIT_RESULTS,
  type AuditEntry,
  type ControlMethods,
  type GrantInfo,
  grantFault,
  limitFault,
  MAX_FILTER_CHARS,
  MAX_ROLES_PER_USER,
  MAX_TIME_MS,
  type PageParams,
  type PageResult,
  type Right,
  type RoleInfo,
  USER_LIMITS,
  type UserInfo,
  type UserLimits,
} from '../wire/index.js';
import { startPosition } from './consume/start-position.js';
import { ownPasswordProof, passwordOption, verifierOf } from './link/scram-login.js';
import {
  badArgument,
  booleanOption,
  countOption,
  listOption,
  nameOption,
  type OptionNames,
  signalOption,
  takeCallOptions,
  takeOptions,
  textOption,
} from './options.js';
import type {
  AccessQuestion,
  AuditQuery,
  CallOptions,
  GrantChange,
  NewRole,
  NewUser,
  PasswordOptions,
} from './types.js';

const NEW_USER: OptionNames<NewUser> = { user: true, password: true, roles: true, ifNotExists: true };
const NEW_ROLE: OptionNames<NewRole> = { role: true, ifNotExists: true };
const LIMITS: OptionNames<UserLimits> = { bytesPerSecond: true, messagesPerSecond: true };
const GRANT_CHANGE: OptionNames<GrantChange> = { to: true, right: true, resource: true };
const PASSWORD_OPTIONS: OptionNames<PasswordOptions> = { signal: true, oldPassword: true };
const AUDIT_QUERY: OptionNames<AuditQuery> = {
  from: true,
  until: true,
  user: true,
  action: true,
  resource: true,
  result: true,
  filter: true,
};
const QUESTION: OptionNames<AccessQuestion> = { user: true, right: true, resource: true };

/** Which entries, as the broker is asked for them. */
export type AuditWanted = Omit<ControlMethods['listAudit']['params'], keyof PageParams>;

export type AccessChange =
  | 'createUser'
  | 'setPassword'
  | 'setRoles'
  | 'setLimits'
  | 'deleteUser'
  | 'createRole'
  | 'deleteRole'
  | 'grant'
  | 'revoke';

/** Lists of users and rights, with what a page of each has. */
export interface AccessLists {
  listUsers: UserInfo[];
  listRoles: RoleInfo[];
  listGrants: GrantInfo[];
}

export interface ChangeOptions extends CallOptions {
  /** Again after a lost connection. */
  readonly mayRepeat?: boolean;
  /** Of a change that is proven: what a broker that asks is answered. */
  readonly prove?: (asked: { salt: string; iterations: number }) => Promise<string>;
}

export abstract class AccessCalls {
  /** Makes a change, wherever it has to be made. `mayRepeat`: again after a lost connection. */
  protected abstract changeAccess<M extends AccessChange>(
    method: M,
    params: ControlMethods[M]['params'],
    options: ChangeOptions,
  ): Promise<ControlMethods[M]['result']>;
  protected abstract listAccess<L extends keyof AccessLists>(
    list: L,
    options: CallOptions,
  ): Promise<AccessLists[L]>;
  protected abstract askAccess(
    params: ControlMethods['testAccess']['params'],
    options: CallOptions,
  ): Promise<boolean>;

  /** `from`: ms since 1970. */
  protected abstract askAudit(wanted: AuditWanted, options: CallOptions): Promise<AuditEntry[]>;

  async createUser(given: NewUser, options?: CallOptions): Promise<UserInfo> {
    const how = takeCallOptions('createUser', options);
    const { user, password, roles, ifNotExists } = takeGiven('createUser', given, NEW_USER);
    const params = {
      user: nameOption('user', user),
      roles: rolesOption(roles ?? []),
      ifNotExists: booleanOption('ifNotExists', ifNotExists, false),
    };
    const scram = await verifierOf(passwordOption('password', password));
    return this.changeAccess('createUser', { ...params, scram }, { ...how, mayRepeat: params.ifNotExists });
  }

  async setPassword(user: string, password: string, options: PasswordOptions = {}): Promise<void> {
    const { oldPassword, ...how } = takeOptions('setPassword', options, PASSWORD_OPTIONS);
    signalOption(how.signal);
    nameOption('user', user);
    const old = oldPassword === undefined ? null : passwordOption('oldPassword', oldPassword);
    const scram = await verifierOf(passwordOption('password', password));
    if (old === null) {
      await this.changeAccess('setPassword', { user, scram }, how);
      return;
    }
    const prove = (asked: { salt: string; iterations: number }): Promise<string> =>
      ownPasswordProof(old, user, scram, asked);
    await this.changeAccess('setPassword', { user, scram, proof: '' }, { ...how, prove });
  }

  async setRoles(user: string, roles: readonly string[], options?: CallOptions): Promise<UserInfo> {
    const how = takeCallOptions('setRoles', options);
    const params = { user: nameOption('user', user), roles: rolesOption(roles) };
    return this.changeAccess('setRoles', params, how);
  }

  async setLimits(user: string, limits: Partial<UserLimits>, options?: CallOptions): Promise<UserInfo> {
    const how = takeCallOptions('setLimits', options);
    const given = takeGiven<Partial<UserLimits>>('setLimits', limits, LIMITS);
    const params: ControlMethods['setLimits']['params'] = { user: nameOption('user', user) };
    for (const limit of USER_LIMITS) {
      const value = given[limit];
      if (value === undefined) {
        continue;
      }
      const fault = limitFault(limit, value);
      if (fault !== null) {
        throw badArgument(limit, fault);
      }
      params[limit] = value;
    }
    return this.changeAccess('setLimits', params, how);
  }

  async listUsers(options?: CallOptions): Promise<UserInfo[]> {
    return this.listAccess('listUsers', takeCallOptions('listUsers', options));
  }

  async deleteUser(user: string, options?: CallOptions): Promise<void> {
    const how = takeCallOptions('deleteUser', options);
    await this.changeAccess('deleteUser', { user: nameOption('user', user) }, how);
  }

  async createRole(given: NewRole, options?: CallOptions): Promise<RoleInfo> {
    const how = takeCallOptions('createRole', options);
    const { role, ifNotExists } = takeGiven('createRole', given, NEW_ROLE);
    const params = {
      role: nameOption('role', role),
      ifNotExists: booleanOption('ifNotExists', ifNotExists, false),
    };
    return this.changeAccess('createRole', params, { ...how, mayRepeat: params.ifNotExists });
  }

  async listRoles(options?: CallOptions): Promise<RoleInfo[]> {
    return this.listAccess('listRoles', takeCallOptions('listRoles', options));
  }

  async deleteRole(role: string, options?: CallOptions): Promise<void> {
    const how = takeCallOptions('deleteRole', options);
    await this.changeAccess('deleteRole', { role: nameOption('role', role) }, how);
  }

  async grant(change: GrantChange, options?: CallOptions): Promise<void> {
    const how = takeCallOptions('grant', options);
    await this.changeAccess('grant', grantParams('grant', change), how);
  }

  async revoke(change: GrantChange, options?: CallOptions): Promise<void> {
    const how = takeCallOptions('revoke', options);
    await this.changeAccess('revoke', grantParams('revoke', change), how);
  }

  async listGrants(options?: CallOptions): Promise<GrantInfo[]> {
    return this.listAccess('listGrants', takeCallOptions('listGrants', options));
  }

  async listAudit(query: AuditQuery = {}, options?: CallOptions): Promise<AuditEntry[]> {
    const how = takeCallOptions('listAudit', options);
    return this.askAudit(auditParams(takeOptions('listAudit', query, AUDIT_QUERY)), how);
  }

  async testAccess(question: AccessQuestion, options?: CallOptions): Promise<boolean> {
    const how = takeCallOptions('testAccess', options);
    const { user, right, resource } = takeGiven('testAccess', question, QUESTION);
    return this.askAccess({ user: nameOption('user', user), ...rightOption(right, resource) }, how);
  }
}

/** What a page of a list has, by its own name. */
export function itemsOf<L extends keyof AccessLists>(list: L, page: Partial<PageResult>): AccessLists[L] {
  const { users, roles, grants } = page as { users?: UserInfo[]; roles?: RoleInfo[]; grants?: GrantInfo[] };
  return { listUsers: users, listRoles: roles, listGrants: grants }[list] as AccessLists[L];
}

function takeGiven<T extends object>(call: string, given: T | undefined, names: OptionNames<T>): T {
  if (given === undefined) {
    throw badArgument(call, `needs an object with ${Object.keys(names).join(', ')}`);
  }
  return takeOptions(call, given, names);
}

function rolesOption(roles: unknown): string[] {
  return listOption('roles', roles, 0, MAX_ROLES_PER_USER).map((role) => nameOption('roles', role));
}

function grantParams(call: string, given: GrantChange): ControlMethods['grant']['params'] {
  const { to, right, resource } = takeGiven(call, given, GRANT_CHANGE);
  return { to: nameOption('to', to), ...rightOption(right, resource) };
}

function rightOption(right: unknown, resource: unknown): { right: Right; resource: string } {
  const fault = grantFault(
    typeof right === 'string' ? right : '',
    typeof resource === 'string' ? resource : '',
  );
  if (fault !== null) {
    throw badArgument('right and resource', `cannot be used: ${fault}`);
  }
  return { right: right as Right, resource: resource as string };
}

/** As the wire has it. */
function auditParams({ from, until, result, ...texts }: AuditQuery): AuditWanted {
  if (result !== undefined && !AUDIT_RESULTS.includes(result)) {
    throw badArgument('result', `must be one of ${AUDIT_RESULTS.join(', ')}`);
  }
  const wanted: AuditWanted = {
    ...(from === undefined ? {} : { from: timeOption('from', from) }),
    ...(until === undefined ? {} : { until: timeOption('until', until) }),
    ...(result === undefined ? {} : { result }),
  };
  for (const name of ['user', 'action', 'resource', 'filter'] as const) {
    const text = textOption(name, texts[name], MAX_FILTER_CHARS);
    if (text !== undefined) {
      wanted[name] = text;
    }
  }
  return wanted;
}

/** Milliseconds since 1970. */
export function timeOption(name: string, time: number | Date): number {
  if (typeof time === 'number') {
    return countOption(name, time, 0, 0, MAX_TIME_MS);
  }
  const place = startPosition(time, name);
  if (typeof place === 'object' && 'time' in place) {
    return place.time;
  }
  throw badArgument(name, 'must be a Date, or milliseconds since 1970');
}
