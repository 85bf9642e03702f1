/**
 * Who may do what. A grant gives one right on one resource, by name or by how its name begins; what nobody
 * granted is denied. The broker asks {@link Rights} wherever something is done, and both sides check grants
 * by the same rules.
 */

export const RIGHTS = ['publish', 'subscribe', 'manage'] as const;
export type Right = (typeof RIGHTS)[number];

/** `resource`: `topic:NAME`, `topic:PREFIX*`, the same of `group:`, `cluster` (for `manage`), or `*`: everything. */
export interface Grant {
  right: Right;
  resource: string;
}

/** How a user's password can be checked without anybody having it: RFC 5802's, each in base64. */
export interface ScramVerifier {
  salt: string;
  iterations: number;
  storedKey: string;
  serverKey: string;
}

/** What is limited for a user, and for each user by the broker's options `userBytesPerSecond` and `userMessagesPerSecond`. */
export const USER_LIMITS = ['bytesPerSecond', 'messagesPerSecond'] as const;
export type UserLimit = (typeof USER_LIMITS)[number];

/** What all connections of a user send together, and are sent, a second. null: as the broker's option says; 0: no limit. */
export type UserLimits = Record<UserLimit, number | null>;

/** Of a user who has none of its own. */
export const NO_LIMITS: Readonly<UserLimits> = { bytesPerSecond: null, messagesPerSecond: null };

/** What is wrong with a limit, as the end of a sentence; null: nothing. */
export function limitFault(limit: UserLimit, value: unknown): string | null {
  const [least, most] = limit === 'bytesPerSecond' ? [1_024, 2 ** 40] : [1, 1_000_000_000];
  const isOne = Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
  return value === null || value === 0 || isOne
    ? null
    : `must be 0 (no limit), a whole number of ${least} to ${most}, or null (as the broker's option says)`;
}

/** Names of users and roles are apart from each other: a grant goes to either by its name. */
export interface UserInfo {
  user: string;
  roles: string[];
  grants: Grant[];
  /** Its own limits. */
  limits: UserLimits;
  /** Of roles, grants or limits, ms since 1970; another password makes it one more. */
  changedTime: number;
}

export interface RoleInfo {
  role: string;
  grants: Grant[];
  /** Milliseconds since 1970. */
  changedTime: number;
}

/** One row of all that is granted. */
export interface GrantInfo extends Grant {
  /** A user, or a role. */
  to: string;
  isRole: boolean;
}

/** When what was changed, in ms since 1970, so that changes made apart can be put together. Older brokers write none of it: their record is the whole. */
export interface AccessTimes {
  createdTime?: number;
  /** The name was deleted then, the last time before it was made. */
  since?: number;
  /** One for each of `grants`. */
  grantTimes?: readonly number[];
  /** What was taken: `RIGHT RESOURCE`, and `role NAME`. */
  gone?: readonly string[];
  goneTimes?: readonly number[];
  /** What was taken up to then may not be said any more. */
  forgotten?: number;
}

/** A user as it is from here on. Records of one name, of user or role, are merged, whatever the order. */
export interface UserRecord extends AccessTimes {
  type: 'user';
  name: string;
  scram: ScramVerifier;
  scramTime?: number;
  roles: readonly string[];
  roleTimes?: readonly number[];
  /** What was ever said of them. */
  limits?: Readonly<Partial<UserLimits>>;
  /** When each of `limits` was said. */
  limitTimes?: Readonly<Partial<Record<UserLimit, number>>>;
  grants: readonly Grant[];
  changedTime: number;
}

/** A role as it is from here on. */
export interface RoleRecord extends AccessTimes {
  type: 'role';
  name: string;
  grants: readonly Grant[];
  changedTime: number;
}

/** There is neither a user nor a role of the name. */
export interface PrincipalGoneRecord {
  type: 'principalGone';
  name: string;
  changedTime: number;
}

export type AccessRecord = UserRecord | RoleRecord | PrincipalGoneRecord;

/** The role that is always there: everything. */
export const ADMIN_ROLE = 'admin';
export const ADMIN_GRANTS: readonly Grant[] = RIGHTS.map((right) => ({ right, resource: '*' }));

/** As whom brokers of a cluster come to each other: whoever knows the cluster's secret. No user can have this name. */
export const BROKER_USER = '%broker';
export const BROKER_GRANTS: readonly Grant[] = [{ right: 'manage', resource: 'cluster' }];

export const MAX_USERS = 10_000;
export const MAX_ROLES = 1_000;
/** Of one user or role. */
export const MAX_GRANTS = 1_000;
/** Characters of all resources of one user or role: it is one record of the log. */
export const MAX_GRANTS_CHARACTERS = 16_384;
export const MAX_ROLES_PER_USER = 32;

const RESOURCE_PATTERN = /^(?:topic|group):(?:\*|%?[A-Za-z0-9._/-][A-Za-z0-9._/%-]{0,125}\*?)$/;

/** What is wrong with a grant, as the end of a sentence; null: nothing. */
export function grantFault(right: string, resource: string): string | null {
  if (!(RIGHTS as readonly string[]).includes(right)) {
    return 'a right is publish, subscribe or manage';
  }
  if (resource === '*') {
    return null;
  }
  if (resource === 'cluster') {
    return right === 'manage' ? null : 'cluster can be managed only';
  }
  if (!RESOURCE_PATTERN.test(resource)) {
    return 'a resource is topic:NAME, group:NAME, either with * at its end, cluster, or *';
  }
  return right === 'publish' && resource.startsWith('group:') ? 'a group cannot be published to' : null;
}

/** Names that begin with `%` are the broker's own. */
function isInternal(resource: string): boolean {
  return resource[resource.indexOf(':') + 1] === '%';
}

class RightSet {
  #all = false;
  readonly #exact = new Set<string>();
  readonly #prefixes: string[] = [];

  add(resource: string): void {
    if (resource === '*') {
      this.#all = true;
    } else if (resource.endsWith('*')) {
      this.#prefixes.push(resource.slice(0, -1));
    } else {
      this.#exact.add(resource);
    }
  }

  has(resource: string): boolean {
    if (this.#all || this.#exact.has(resource)) {
      return true;
    }
    // `topic:*` is all of the users' own topics.
    return this.#prefixes.some(
      (prefix) => resource.startsWith(prefix) && (!isInternal(resource) || isInternal(prefix)),
    );
  }
}

/** What grants add up to. Immutable. */
export class Rights {
  readonly #sets: Readonly<Record<Right, RightSet>> = {
    publish: new RightSet(),
    subscribe: new RightSet(),
    manage: new RightSet(),
  };

  constructor(grants: Iterable<Grant>) {
    for (const { right, resource } of grants) {
      this.#sets[right]?.add(resource);
    }
  }

  /** `resource`: one, without a `*`. */
  may(right: Right, resource: string): boolean {
    return this.#sets[right].has(resource);
  }

  /** Any right on it. */
  sees(resource: string): boolean {
    return this.may('publish', resource) || this.may('subscribe', resource) || this.may('manage', resource);
  }
}
