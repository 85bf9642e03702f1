/**
 * Who is a broker set's master, where etcd keeps that: decisions only, no clock, no connection, no timer. The
 * same function runs in a broker, in tests, and in the simulator.
 *
 * A set has in etcd
 *
 *     leader            the master's name, address and term, on its lease: gone when the lease ends
 *     term              the highest term there was
 *     in-sync           members that have all that was acked, as the master last wrote it, how many of them each ack waited for, and which log it is
 *     candidates/NAME   where the log of a member ends that follows nobody any more, on the lease of that member
 *
 * Each change is a transaction on the revisions that the decision was made from. So of two that decide at
 * once one fails, and reads again.
 */

export interface Leader {
  name: string;
  url: string;
  epoch: number;
}

/** Members that may become master without losing what was acked. */
export interface InSyncSet {
  members: readonly string[];
  /** Members, the master counted, that had a batch before it was acked: 1 + `minInSync` of a sync master, else 1. */
  required: number;
  /** The log that they have; none where it was written by an earlier version. */
  log?: string | undefined;
  /** By member: in which opening of its directory it was found to have all that was acked. One that is not named does not say it. */
  openings?: Readonly<Record<string, string>> | undefined;
}

/** How far a log goes: first by the term that wrote its end, then by place. */
export interface LogEnd {
  epoch: number;
  position: number;
}

export interface Candidate extends LogEnd {
  name: string;
  /** Revision of the term that it stands after. In a later leaderless time its log may have another end. */
  after: number;
}

/** What etcd has of a set, all of one moment. A revision is 0 where the key is not there. */
export interface SetView {
  leader: Leader | null;
  leaderRevision: number;
  /** What the leader's key hangs on; decimal text. */
  leaderLease: string;
  term: number;
  termRevision: number;
  inSync: InSyncSet | null;
  inSyncRevision: number;
  /** What its keys begin with; left out where there are none. */
  prefix?: string | undefined;
  candidates: readonly Candidate[];
}

/** What a member knows of itself. */
export interface Standing {
  name: string;
  url: string;
  /** Its own lease; null: none yet. */
  lease: string | null;
  /** The term it is master of; null: it is none. */
  leads: number | null;
  /** It follows nobody and its log does not grow. */
  isStill: boolean;
  end: LogEnd;
  /** Which log that is of; one that has none yet has a number all the same. Absent: all of a set are of one. */
  log?: string | undefined;
  /** The opening of its directory that this is, and those before it in which it took part in the set. Absent: nobody asks. */
  opening?: string | undefined;
  openings?: readonly string[] | undefined;
  /** The highest epoch that it has heard of, which etcd may have forgotten. */
  knows: number;
  /** It was set up as a master, so it may begin a set that etcd knows nothing of. */
  mayFound: boolean;
  /** How long it has seen the set without a leader, by its monotonic clock. */
  leaderlessMs: number;
  /**
   * Where more than the in-sync set can promise is lost either way (async replication): candidates that are
   * away are waited for so long only.
   */
  patienceMs: number | null;
}

export type Decision =
  /** Nothing to do until something changes. */
  | { act: 'stay'; why: string }
  /** Follow this master; who is master of a lower term stops being it first. */
  | { act: 'follow'; leader: Leader }
  /** Stop following, so that the log stands still. */
  | { act: 'stand-still' }
  /** etcd has this set with a log that this broker has not: neither lead it nor follow. A person may have to do something about it. */
  | { act: 'stand-aside'; why: string }
  /** Say in etcd where the own log ends. */
  | { act: 'announce'; candidate: Candidate }
  /** etcd has it as the leader of this term, on its lease: be it. */
  | { act: 'lead'; epoch: number; inSync: InSyncSet }
  /** etcd has it as the leader of a term that it knows to be over: the key goes with its lease. */
  | { act: 'resign'; why: string }
  /** Take the set: `leader` must not be there, and term and in-sync set must be as they were seen. */
  | { act: 'take'; epoch: number; inSync: InSyncSet };

/** What this member is to do now. */
export function decide(view: SetView, me: Standing): Decision {
  const { leader } = view;
  if (isOfOtherLog(view, me) && !isEmpty(me)) {
    return {
      act: 'stand-aside',
      why: `etcd has a set of this cluster and name with another log, ${view.inSync?.log}, and this broker's is ${me.log}: two clusters have one name, or this directory is of another set; give it a cluster (--cluster) or a broker set (--broker-set) of its own, or an empty directory to be a slave`,
    };
  }
  if (leader !== null && leader.epoch < (me.leads ?? 0)) {
    return { act: 'stay', why: `etcd names the master of an earlier term than ${me.leads}: it was restored` };
  }
  if (leader !== null) {
    return leader.name === me.name ? asNamed(view, leader, me) : { act: 'follow', leader };
  }
  if (me.leads !== null && me.leads > view.term) {
    // etcd has forgotten this term, as it was restored from a copy: what it has of the set is of before.
    return { act: 'take', epoch: me.leads, inSync: alone(me) };
  }
  if (view.inSync === null) {
    return found(view, me);
  }
  if (isOfOtherLog(view, me)) {
    return {
      act: 'stand-aside',
      why: `its directory is empty, and etcd has the set with the log ${view.inSync.log}: it waits for a master to take that from; where nobody has that log any more, remove the set's keys from etcd (etcdctl del --prefix ${view.prefix}), and it begins anew`,
    };
  }
  if (!view.inSync.members.includes(me.name)) {
    return { act: 'stay', why: 'not in the in-sync set, so it may lack what was acked' };
  }
  if (!hasDirectoryOf(view.inSync, me)) {
    return {
      act: 'stand-aside',
      why: `this directory is not the one with which etcd has '${me.name}' in the in-sync set, but an older copy of it, or one that was begun anew since: it may lack what was acked, and waits for a master to take that from; where all who have it are gone for good, remove "openings" from the key ${view.prefix}in-sync (etcdctl), and this one may lead without it`,
    };
  }
  if (me.leads !== null && me.leads === view.term) {
    // Its lease ended and nobody has led since: its log is the furthest there is, and its term is still the
    // last.
    return { act: 'take', epoch: view.term, inSync: view.inSync };
  }
  if (!me.isStill) {
    return { act: 'stand-still' };
  }
  return elect(view, view.inSync, me);
}

/** etcd says that this member is the leader. */
function asNamed(view: SetView, leader: Leader, me: Standing): Decision {
  if (me.lease === null || view.leaderLease !== me.lease) {
    const why =
      leader.url === me.url
        ? 'the lease of its former life has not ended yet'
        : `etcd has '${me.name}' at ${leader.url} as the master: that is its own former life, which ends with its lease, or another broker of its name; give each a name of its own (--name)`;
    return { act: 'stay', why };
  }
  if (me.leads === leader.epoch) {
    return { act: 'stay', why: 'it leads' };
  }
  if (me.leads === null && me.knows > leader.epoch) {
    return {
      act: 'resign',
      why: `etcd names it the master of term ${leader.epoch}, and there was term ${me.knows}`,
    };
  }
  // The answer to its transaction was lost on the way.
  return { act: 'lead', epoch: leader.epoch, inSync: view.inSync ?? alone(me) };
}

/** etcd knows nothing of the set: it is new, or etcd was emptied. */
function found(view: SetView, me: Standing): Decision {
  if (me.leads !== null && me.leads >= view.term) {
    return { act: 'take', epoch: me.leads, inSync: alone(me) };
  }
  return me.mayFound
    ? { act: 'take', epoch: nextEpoch(view, me), inSync: alone(me) }
    : { act: 'stay', why: 'etcd knows nothing of this set, and this broker may not begin it' };
}

function nextEpoch(view: SetView, me: Standing): number {
  return Math.max(view.term, me.end.epoch, me.knows) + 1;
}

function elect(view: SetView, inSync: InSyncSet, me: Standing): Decision {
  const standing = view.candidates.filter(
    ({ name, after }) => after === view.termRevision && inSync.members.includes(name),
  );
  const own = standing.find((candidate) => candidate.name === me.name);
  if (own === undefined || own.epoch !== me.end.epoch || own.position !== me.end.position) {
    return { act: 'announce', candidate: { name: me.name, after: view.termRevision, ...me.end } };
  }
  // Where etcd has forgotten terms, its in-sync set is of before them: who was in it may since have fallen
  // behind, so all are waited for.
  const known = Math.max(me.knows, ...standing.map(({ epoch }) => epoch));
  const enough = known > view.term ? inSync.members.length : quorumOf(inSync);
  const isPatient = known > view.term || me.patienceMs === null || me.leaderlessMs < me.patienceMs;
  if (standing.length < enough && isPatient) {
    return {
      act: 'stay',
      why: `${standing.length} of ${enough} in-sync members have said how far they are${known > view.term ? `; etcd was restored from before term ${known}, so all of them must` : ''}`,
    };
  }
  const best = standing.reduce((a, b) => (isFurther(b, a) ? b : a));
  if (best.name !== me.name) {
    return { act: 'stay', why: `${best.name} is as far or further` };
  }
  return { act: 'take', epoch: nextEpoch(view, me), inSync: alone(me) };
}

/** So many of the in-sync members must be heard that one of them has whatever was acked, whichever they are. */
export function quorumOf({ members, required }: InSyncSet): number {
  return Math.max(1, members.length - required + 1);
}

/** Of two that are as far the first by name, so that all come to the same. */
function isFurther(a: Candidate, b: Candidate): boolean {
  return (
    a.epoch > b.epoch ||
    (a.epoch === b.epoch && a.position > b.position) ||
    (a.epoch === b.epoch && a.position === b.position && a.name < b.name)
  );
}

/** A new master begins alone; slaves come into the set as they catch up. */
function alone({ name, log, opening }: Standing): InSyncSet {
  const openings = openingsOf([{ name, opening }]);
  return { members: [name], required: 1, log, ...(openings === undefined ? {} : { openings }) };
}

function isOfOtherLog({ inSync }: SetView, { log }: Standing): boolean {
  return inSync?.log !== undefined && log !== undefined && inSync.log !== log;
}

/** A member is who has its name and the directory that had all that was acked: a copy made before has not. */
function hasDirectoryOf({ openings }: InSyncSet, { name, opening, openings: own }: Standing): boolean {
  const known = openingIn(openings, name);
  return known === undefined || own === undefined || known === opening || own.includes(known);
}

/** It has taken nothing yet, from nobody. */
function isEmpty({ end }: Standing): boolean {
  return end.epoch === 0 && end.position === 0;
}

/** What a slave has, as its master knows it. */
export interface Follower {
  name: string;
  received: number;
  /** Within the limits of lag, connected. */
  isInSync: boolean;
  /** Of its directory; undefined: it does not say. */
  opening?: string | undefined;
}

/**
 * The in-sync set that a master should write to etcd, or null if what is there is right. `acked`: position
 * below which it has acked.
 *
 * A member comes in only when it has all that was acked, and again when it is there with another opening of its
 * directory, which may be another directory. One goes out only when those that stay hold all that
 * was acked often enough: what was acked because of the one that leaves would be on too few of them
 * otherwise, and a later election could pass it by. `minInSync`: slaves an ack waits for; 0 under async
 * replication. `mayDegrade`: acks go on with fewer, once etcd says so.
 */
export function nextInSync(
  { name, opening }: Pick<Standing, 'name' | 'opening'>,
  now: InSyncSet,
  followers: readonly Follower[],
  acked: number,
  minInSync: number,
  mayDegrade: boolean,
): InSyncSet | null {
  const able = followers.filter((slave) => slave.isInSync && slave.received >= acked);
  const members = [name, ...able.map((slave) => slave.name)].sort();
  const staying = followers.filter((slave) => slave.isInSync && now.members.includes(slave.name));
  const required = mayDegrade ? Math.min(1 + minInSync, members.length) : 1 + minInSync;
  // Those that have fallen behind what was acked, and are still connected: they catch up or go in a moment.
  const isCatchingUp = staying.some((slave) => slave.received < acked);
  if (members.length < required || isCatchingUp) {
    return null;
  }
  const isSame =
    required === now.required &&
    members.length === now.members.length &&
    members.every((member) => now.members.includes(member));
  const openings = openingsOf([{ name, opening }, ...able]);
  return isSame && members.every((member) => openingIn(openings, member) === openingIn(now.openings, member))
    ? null
    : { members, required, ...(openings === undefined ? {} : { openings }) };
}

/** A member may be called like what every object has. */
export function openingIn(openings: InSyncSet['openings'], member: string): string | undefined {
  return openings !== undefined && Object.hasOwn(openings, member) ? openings[member] : undefined;
}

/** By member, of those that say it; undefined: nobody does. */
function openingsOf(members: readonly Pick<Follower, 'name' | 'opening'>[]): InSyncSet['openings'] {
  const known = members.flatMap(({ name, opening }) =>
    opening === undefined ? [] : [[name, opening] as const],
  );
  return known.length === 0 ? undefined : Object.fromEntries(known);
}
