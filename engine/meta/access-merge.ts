/**
 * How what two brokers know of one user or role is put together, when they were changed apart. Each grant, and each role that a user has, has a time of its own, and so has each that
 * was taken: the later of the two counts, of equal ones the end. So neither of two changes is lost, and a right that was taken does not come back with a record
 * from before. An end of the whole name ends what was made before it, however late it was changed. Merging is the same in any order and any number of times.
 */
import {
  type AccessRecord,
  type Grant,
  MAX_GRANTS,
  MAX_GRANTS_CHARACTERS,
  MAX_ROLES_PER_USER,
  type Right,
  type ScramVerifier,
  USER_LIMITS,
  type UserLimit,
  type UserLimits,
} from '../../native-free/wire/index.js';
import { encodeRecords } from './record-codec.js';

/** Ends that a name keeps, beyond which the oldest are forgotten. */
const MAX_GONE = 200;
/** An end is kept so long after it, as the name's last change goes. */
const GONE_KEPT_MS = 30 * 24 * 3_600_000;

interface Mark {
  readonly time: number;
  readonly isGone: boolean;
}

/** A limit of a user, or that it was taken back. */
interface Limit {
  readonly value: number | null;
  readonly time: number;
}

/** A record with all that an older one leaves out. */
export interface Principal {
  readonly type: AccessRecord['type'];
  readonly name: string;
  readonly changedTime: number;
  readonly createdTime: number;
  /** The name was deleted then, the last time: what was made before it is no more. */
  readonly since: number;
  readonly scram: ScramVerifier | null;
  readonly scramTime: number;
  readonly limits: ReadonlyMap<UserLimit, Limit>;
  /** `RIGHT RESOURCE`, and `role NAME`. */
  readonly marks: ReadonlyMap<string, Mark>;
  /** Ends up to then may be forgotten: what others have from before, and is not here, has ended. */
  readonly forgotten: number;
}

export type Changed =
  | {
      type: 'user';
      name: string;
      scram: ScramVerifier;
      roles: readonly string[];
      grants: readonly Grant[];
      limits: Readonly<UserLimits>;
    }
  | { type: 'role'; name: string; grants: readonly Grant[] };

const keyOf = ({ right, resource }: Grant): string => `${right} ${resource}`;
const ROLE = 'role ';
const NO_LIMITS: ReadonlyMap<UserLimit, Limit> = new Map();

/** Of an older broker's record, which says no times, all is from its change, and nothing from before counts: it was the whole. */
export function principalOf(record: AccessRecord): Principal {
  const { type, name, changedTime } = record;
  const marks = new Map<string, Mark>();
  if (record.type === 'principalGone') {
    const times = { createdTime: 0, since: changedTime, scramTime: 0, forgotten: 0 };
    return { type, name, changedTime, ...times, scram: null, limits: NO_LIMITS, marks };
  }
  const { createdTime = changedTime, since = changedTime - 1, forgotten = 0 } = record;
  record.grants.forEach((grant, i) => {
    marks.set(keyOf(grant), { time: record.grantTimes?.[i] ?? changedTime, isGone: false });
  });
  record.gone?.forEach((key, i) => {
    marks.set(key, { time: record.goneTimes?.[i] ?? changedTime, isGone: true });
  });
  const times = { changedTime, createdTime, since, forgotten };
  if (record.type === 'role') {
    return { type, name, ...times, scram: null, scramTime: 0, limits: NO_LIMITS, marks };
  }
  record.roles.forEach((role, i) => {
    marks.set(ROLE + role, { time: record.roleTimes?.[i] ?? changedTime, isGone: false });
  });
  const { scram, scramTime = changedTime } = record;
  const limits = new Map<UserLimit, Limit>();
  for (const limit of USER_LIMITS) {
    const value = record.limits?.[limit];
    if (value !== undefined) {
      limits.set(limit, { value, time: record.limitTimes?.[limit] ?? changedTime });
    }
  }
  return { type, name, ...times, scram, scramTime, limits, marks };
}

/** What both know; whichever is named first. */
export function merge(a: Principal, b: Principal): Principal {
  const since = Math.max(a.since, b.since);
  const changedTime = Math.max(a.changedTime, b.changedTime);
  const [one, two] = [a, b].filter((each) => each.type !== 'principalGone' && each.createdTime > since);
  if (one === undefined) {
    const { name } = a;
    return principalOf({ type: 'principalGone', name, changedTime: since });
  }
  if (two === undefined) {
    return bounded({ ...one, since, changedTime });
  }
  if (one.type !== two.type) {
    // A user and a role of one name, made apart: one of them is not to be, the same one everywhere.
    const isTwo =
      two.createdTime > one.createdTime || (two.createdTime === one.createdTime && two.type === 'role');
    return bounded({ ...(isTwo ? two : one), since, changedTime });
  }
  const byPassword =
    one.scramTime > two.scramTime ||
    (one.scramTime === two.scramTime && scramText(one.scram) >= scramText(two.scram))
      ? one
      : two;
  return bounded({
    ...byPassword,
    since,
    changedTime,
    createdTime: Math.max(one.createdTime, two.createdTime),
    marks: mergedMarks(one, two),
    limits: mergedLimits(one.limits, two.limits),
    forgotten: Math.max(one.forgotten, two.forgotten),
  });
}

/** What becomes of `known` when an operator has it be as in `wanted`, at `changedTime`; `scramTime`: of another password. */
export function changed(
  known: Principal | undefined,
  wanted: Changed,
  changedTime: number,
  scramTime: number,
): Principal {
  const before = known?.type === wanted.type ? known : undefined;
  const marks = new Map(before?.marks);
  const roles = wanted.type === 'user' ? wanted.roles.map((role) => ROLE + role) : [];
  const live = new Set([...wanted.grants.map(keyOf), ...roles]);
  for (const [key, { isGone }] of marks) {
    if (!isGone && !live.has(key)) {
      marks.set(key, { time: changedTime, isGone: true });
    }
  }
  for (const key of live) {
    if (marks.get(key)?.isGone !== false) {
      marks.set(key, { time: changedTime, isGone: false });
    }
  }
  const limits = new Map(before?.limits);
  for (const limit of wanted.type === 'user' ? USER_LIMITS : []) {
    const value = wanted.type === 'user' ? wanted.limits[limit] : null;
    if ((limits.get(limit)?.value ?? null) !== value) {
      limits.set(limit, { value, time: changedTime });
    }
  }
  const scram = wanted.type === 'user' ? wanted.scram : null;
  const isSamePassword = before !== undefined && scramText(before.scram) === scramText(scram);
  return bounded({
    type: wanted.type,
    name: wanted.name,
    changedTime,
    createdTime: before?.createdTime ?? changedTime,
    since: known?.since ?? 0,
    scram,
    scramTime: isSamePassword ? before.scramTime : scram === null ? 0 : scramTime,
    limits,
    marks,
    forgotten: before?.forgotten ?? 0,
  });
}

/** As the log has it. */
export function recordOf(principal: Principal): AccessRecord {
  const { type, name, changedTime, createdTime, since, scram, scramTime, limits, forgotten } = principal;
  if (type === 'principalGone') {
    return { type, name, changedTime };
  }
  const all = inOrder(principal.marks);
  const roles = all.filter(([key, { isGone }]) => !isGone && key.startsWith(ROLE));
  const grants = all.filter(([key, { isGone }]) => !isGone && !key.startsWith(ROLE));
  const gone = all.filter(([, { isGone }]) => isGone);
  const of = {
    name,
    grants: grants.map(([key]) => grantOf(key)),
    changedTime,
    createdTime,
    since,
    grantTimes: grants.map(([, { time }]) => time),
    gone: gone.map(([key]) => key),
    goneTimes: gone.map(([, { time }]) => time),
    forgotten,
  };
  if (type === 'role' || scram === null) {
    return { type: 'role', ...of };
  }
  return {
    type: 'user',
    ...of,
    scram,
    scramTime,
    roles: roles.map(([key]) => key.slice(ROLE.length)),
    roleTimes: roles.map(([, { time }]) => time),
    // Where none was said the record is as ever.
    ...(limits.size === 0
      ? {}
      : {
          limits: Object.fromEntries([...limits].map(([limit, { value }]) => [limit, value])),
          limitTimes: Object.fromEntries([...limits].map(([limit, { time }]) => [limit, time])),
        }),
  };
}

/** With as many of the oldest ends forgotten as it takes to be no longer than `maxBytes` in the log; one that has none stays as it is. */
export function fitting(record: AccessRecord, maxBytes: number): AccessRecord {
  let fit = record;
  while (fit.type !== 'principalGone' && fit.gone !== undefined && fit.gone.length > 0) {
    if (encodeRecords([fit]).length <= maxBytes) {
      break;
    }
    const { gone, goneTimes = [], forgotten = 0 } = fit;
    const from = Math.ceil(gone.length / 2);
    fit = {
      ...fit,
      gone: gone.slice(from),
      goneTimes: goneTimes.slice(from),
      forgotten: Math.max(forgotten, goneTimes[from - 1] ?? 0),
    };
  }
  return fit;
}

/** The same for those that say the same, times included. */
export function textOf(principal: Principal): string {
  const { type, name, changedTime, createdTime, since, scram, scramTime, limits, marks, forgotten } =
    principal;
  const each = inOrder(marks).map(([key, { time, isGone }]) => [key, time, isGone]);
  return JSON.stringify([
    ...[type, name, changedTime, createdTime, since, scramText(scram), scramTime, each, forgotten],
    ...USER_LIMITS.flatMap((limit) => (limits.has(limit) ? [limit, limits.get(limit)] : [])),
  ]);
}

/** The later one; of two at once the lower. */
function mergedLimits(
  a: ReadonlyMap<UserLimit, Limit>,
  b: ReadonlyMap<UserLimit, Limit>,
): Map<UserLimit, Limit> {
  const limits = new Map(a);
  const most = ({ value }: Limit): number => (value === 0 ? Number.MAX_VALUE : (value ?? Infinity));
  for (const [name, limit] of b) {
    const there = limits.get(name);
    const isFirst =
      there === undefined ||
      limit.time > there.time ||
      (limit.time === there.time && most(limit) < most(there));
    if (isFirst) {
      limits.set(name, limit);
    }
  }
  return limits;
}

function mergedMarks(a: Principal, b: Principal): Map<string, Mark> {
  const marks = new Map<string, Mark>();
  const take = (from: Principal, other: Principal): void => {
    for (const [key, mark] of from.marks) {
      const there = other.marks.get(key);
      if (there === undefined) {
        // The other may have known its end, and forgotten that.
        if (mark.time > other.forgotten || mark.isGone) {
          marks.set(key, mark);
        }
      } else {
        const isLater = mark.time > there.time || (mark.time === there.time && mark.isGone);
        marks.set(key, isLater ? mark : there);
      }
    }
  };
  take(a, b);
  take(b, a);
  return marks;
}

/** No more than one may have, and no more ends than are kept. */
function bounded(principal: Principal): Principal {
  const all = inOrder(principal.marks).reverse();
  const marks = new Map<string, Mark>();
  let { forgotten } = principal;
  const left = { grants: MAX_GRANTS, characters: MAX_GRANTS_CHARACTERS, roles: MAX_ROLES_PER_USER };
  const leftGone = { count: MAX_GONE, characters: MAX_GRANTS_CHARACTERS };
  const goneAfter = principal.changedTime - GONE_KEPT_MS;
  for (const [key, mark] of all) {
    if (mark.isGone) {
      leftGone.characters -= key.length;
      if (leftGone.count-- <= 0 || leftGone.characters < 0 || mark.time <= goneAfter) {
        forgotten = Math.max(forgotten, mark.time);
      } else if (mark.time > principal.forgotten) {
        marks.set(key, mark);
      }
    } else if (key.startsWith(ROLE)) {
      if (left.roles-- > 0) {
        marks.set(key, mark);
      }
    } else {
      left.characters -= grantOf(key).resource.length;
      if (left.grants-- > 0 && left.characters >= 0) {
        marks.set(key, mark);
      }
    }
  }
  for (const [key, { isGone, time }] of marks) {
    if (isGone && time <= forgotten) {
      marks.delete(key);
    }
  }
  return { ...principal, marks, forgotten };
}

/** The oldest first. */
function inOrder(marks: ReadonlyMap<string, Mark>): [string, Mark][] {
  return [...marks].sort(([a, { time: timeA }], [b, { time: timeB }]) => timeA - timeB || (a < b ? -1 : 1));
}

function grantOf(key: string): Grant {
  const at = key.indexOf(' ');
  return { right: key.slice(0, at) as Right, resource: key.slice(at + 1) };
}

function scramText(scram: ScramVerifier | null): string {
  return scram === null
    ? ''
    : JSON.stringify([scram.salt, scram.iterations, scram.storedKey, scram.serverKey]);
}
