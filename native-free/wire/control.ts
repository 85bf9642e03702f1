/**
 * Payloads of control frames, as MessagePack maps with string keys. Unknown keys are ignored, so that
 * fields can be added; a missing or mistyped one is `BAD_FRAME` (hello) or `BAD_REQUEST` (request).
 */

import type {
  AccessRecord,
  Grant,
  GrantInfo,
  Right,
  RoleInfo,
  ScramVerifier,
  UserInfo,
  UserLimits,
} from './access.js';
import type { AuditEntry, AuditResult } from './audit.js';
import type { SetStanding } from './cluster.js';
import type { ConsumedByGroup, FindParams, FindResult } from './found.js';
import type { GroupDescription, GroupInfo, GroupPause, MovedQueue } from './groups.js';
import type { NamedPageParams, PageParams, PageResult } from './page.js';
import type { BrokerStats, QueueStats } from './stats.js';
import type { GrownTopic, QueueDamage, TopicDescription, TopicInfo } from './topics.js';
import type { WatchMethods } from './watch-methods.js';

/**
 * Where a group begins on a queue it has no committed offset for. `time`: ms since 1970, first message stored
 * at or after it.
 */
export type StartPosition = 'earliest' | 'latest' | { time: number } | { offset: number };

/** Methods of `request` frames: parameters and result. */
export interface ControlMethods extends WatchMethods {
  /** What a producer needs to route. */
  topicMetadata: { params: { topic: string }; result: TopicInfo };
  /**
   * With `ifNotExists` a topic that is there is the answer, however many queues it has; TOPIC_EXISTS if it is
   * kept elsewhere (`memory`). Whoever makes a topic on several broker sets gives all of them one `createdTime`: the
   * first one's answer has it; one that is deleted already is BAD_ARGUMENT. Absent or null: now.
   */
  createTopic: {
    params: {
      topic: string;
      queues: number;
      memory: boolean;
      ifNotExists?: boolean;
      createdTime?: number | null;
      /** Names of the broker sets that it belongs to; absent or null: all of the cluster, also those to come. */
      sets?: string[] | null;
      /** As of `setTopicRetention`. */
      retentionMs?: number | null;
      /** Of a topic that another broker set has already. */
      retentionSetTime?: number | null;
    };
    result: TopicInfo;
  };
  listTopics: { params: NamedPageParams; result: { topics: TopicInfo[] } & PageResult };
  /** Each page is of `queueStates`. */
  describeTopic: { params: { topic: string } & PageParams; result: TopicDescription & PageResult };
  /**
   * Gives a topic more queues: `queues` is how many it has then. So many as it has: nothing changes. Fewer:
   * BAD_ARGUMENT. More than the broker has room for: TOO_MANY_QUEUES.
   */
  growTopic: { params: { topic: string; queues: number }; result: GrownTopic };
  /**
   * From which age the topic's messages are not given out any more; null: the broker's own retention. A memory
   * topic has none: BAD_ARGUMENT. `setTime`: when another broker set was told so; absent or null: now.
   */
  setTopicRetention: {
    params: { topic: string; retentionMs: number | null; setTime?: number | null };
    result: TopicInfo;
  };
  /**
   * `upTo`: one whose `createdTime` is that or lower, and it is no error when there is none; none of its name up to it
   * comes back from another set. Absent or null: the one there is.
   */
  deleteTopic: { params: { topic: string; upTo?: number | null }; result: Record<string, never> };
  listGroups: { params: NamedPageParams; result: { groups: GroupInfo[] } & PageResult };
  /** Each page is of `queues`; `memberIds` are on the first one only. */
  describeGroup: { params: { group: string } & PageParams; result: GroupDescription & PageResult };
  /** A group made so stays until it is deleted. With `ifNotExists` one that is there is no error. */
  createGroup: { params: { group: string; ifNotExists?: boolean }; result: GroupInfo };
  /** Forgets the group and all it has committed. Refused with GROUP_BUSY while it has members. */
  deleteGroup: { params: { group: string }; result: Record<string, never> };
  /**
   * `to` as in the command line; `queueId` absent or null: all queues. Refused with GROUP_BUSY while the
   * group has members.
   */
  resetOffset: {
    params: {
      group: string;
      topic: string;
      to: StartPosition;
      queueId?: number | null;
      /** Says what it would do, and does nothing. */
      dryRun?: boolean;
    };
    result: { queues: MovedQueue[] };
  };
  /**
   * Sets where the group `to`, which is made if it is not there, goes on reading a topic: where `from` does, on all queues on which that one has begun.
   * GROUP_BUSY while `to` has members.
   */
  copyOffsets: {
    params: { from: string; to: string; topic: string; dryRun?: boolean };
    result: { queues: MovedQueue[] };
  };
  /**
   * The group gets nothing, of a topic or, `topic` absent or null, of any, until it is resumed: its members keep their place, give their queues back, and
   * are told by a `groupPaused` event. It is in the log. GROUP_NOT_FOUND, TOPIC_NOT_FOUND.
   */
  pauseGroup: { params: { group: string; topic?: string | null }; result: GroupPause };
  /** Takes that back, as it was said: a pause on a topic is not taken back by one on all. */
  resumeGroup: { params: { group: string; topic?: string | null }; result: GroupPause };
  /** Passes over the next `count` messages of a queue, or as many as there are; whoever holds the queue goes on behind them. */
  skipMessages: {
    params: { group: string; topic: string; queueId: number; count: number; dryRun?: boolean };
    result: MovedQueue;
  };
  /** Messages as they are stored, for people and tools: nothing is acked or taken from anybody. */
  findMessages: { params: FindParams; result: FindResult };
  /** How far each group has come on one message: a page of the groups that know its topic, by name. */
  consumedBy: {
    params: { topic: string; queueId: number; offset: number } & PageParams;
    result: { groups: ConsumedByGroup[] } & PageResult;
  };
  /** Counters and gauges of the broker. */
  stats: { params: Record<string, never>; result: BrokerStats };
  /** Ends of queues, and what groups have still to read of them. */
  queueStats: { params: Record<string, never>; result: QueueStats };
  /** How this broker stands in its set, asked of itself and not of who has heard of it. */
  standing: { params: Record<string, never>; result: SetStanding };
  /**
   * Makes a slave the master of its set, of a new epoch, not below `epoch` where that is given. BAD_ARGUMENT: it is no slave. NOT_FURTHEST: another
   * slave of the set that answers has log that this one has not, or one that was in sync does not answer while this one was not; with `force` it is
   * promoted all the same, and `lacks` has what that would have said.
   */
  promote: {
    params: { epoch?: number | null; force?: boolean };
    result: { epoch: number; lacks?: string | null };
  };
  /** The verifier is made by who calls: a password never travels. With `ifNotExists` a user that is there stays as it is. */
  createUser: {
    params: { user: string; scram: ScramVerifier; roles?: string[]; ifNotExists?: boolean };
    result: UserInfo;
  };
  /**
   * Ends the user's open connections. Of oneself with `proof`, in base64, by the password before over
   * `passwordMessage`; an empty one is answered with what it is to be made with.
   */
  setPassword: {
    params: { user: string; scram: ScramVerifier; proof?: string | null };
    result: UserInfo;
  };
  /** The roles that a user has, in place of those before. */
  setRoles: { params: { user: string; roles: string[] }; result: UserInfo };
  /** What is left out stays as it is. */
  setLimits: { params: { user: string } & Partial<UserLimits>; result: UserInfo };
  listUsers: { params: PageParams; result: { users: UserInfo[] } & PageResult };
  /** Ends the user's open connections. */
  deleteUser: { params: { user: string }; result: Record<string, never> };
  createRole: { params: { role: string; ifNotExists?: boolean }; result: RoleInfo };
  listRoles: { params: PageParams; result: { roles: RoleInfo[] } & PageResult };
  deleteRole: { params: { role: string }; result: Record<string, never> };
  /** Gives a user or a role a right. One that is there already is no error. */
  grant: { params: { to: string } & Grant; result: Record<string, never> };
  /** Takes it back, written as it was given. One that is not there is no error. */
  revoke: { params: { to: string } & Grant; result: Record<string, never> };
  /** Each page has all of some users or roles. */
  listGrants: { params: PageParams; result: { grants: GrantInfo[] } & PageResult };
  /**
   * Between masters of a cluster, who come as {@link BROKER_USER}: all users, roles, and what was deleted of them. `digest`: of those that who asks has; where they are
   * the same there is nothing to say.
   */
  accessRecords: {
    params: PageParams & { digest?: string | null };
    result: { records: AccessRecord[] } & PageResult;
  };
  /**
   * What administrators did, and logins that failed, the oldest first: those for which all of it holds. `from`: none of a time before, ms since
   * 1970; `until`: none of that time or later; `action`: an entry's method; `resource`: with `*` at its end all that begin so; `filter`: with that in their user, method,
   * resource, address or code, in letters large or small. `next` is a cursor behind the last entry of the page, for what comes later.
   */
  listAudit: {
    params: PageParams & {
      from?: number | null;
      until?: number | null;
      filter?: string;
      user?: string | null;
      action?: string | null;
      resource?: string | null;
      result?: AuditResult | null;
    };
    result: { entries: AuditEntry[]; next: string } & PageResult;
  };
  /** Whether a user may do that, on one topic, group, or `cluster`. */
  testAccess: { params: { user: string; right: Right; resource: string }; result: { allowed: boolean } };
  /** A later token of the same user, for this connection. */
  renew: { params: { token: string }; result: { expiresInMs: number } };
  /**
   * Joins a group; with `group: null` none: such a reader gets every queue, beginning at `from`, disturbs
   * nobody, and leaves nothing behind. `consumer` is a number the client picks, unique on its connection, not
   * 0; deliver, skip, credit and event frames carry it as their id. Queues come by `assign` events, delivery
   * begins when the consumer has credit. `memberId`: null at first; after a reconnect the one it had.
   */
  join: {
    params: {
      consumer: number;
      group: string | null;
      topic: string;
      /** Tag expression; `*` or absent = all. */
      filter: string;
      from: StartPosition;
      memberId: string | null;
      /**
       * Of a topic that several broker sets share: how many queues it has in the sets whose names come before
       * this one's. Members then get the queues that are theirs when all queues of the topic are counted
       * through, so that over all sets their numbers differ by one at most. Absent or null: by this broker's
       * queues alone.
       */
      queueBase?: number | null;
      /**
       * Of a member that shares its group with nobody on this topic: GROUP_BUSY while another one is there,
       * and to others while it is. Absent: it shares.
       */
      alone?: boolean;
      /**
       * What damage in a queue does to this consumer. `end`, or absent: it ends, with LOG_CORRUPT. `tell`: a
       * `queueDamaged` event says so, and the other queues go on.
       */
      onDamage?: 'end' | 'tell';
      /** Of a reader: the only queues it wants. Absent or null: all. */
      queueIds?: readonly number[] | null;
      /**
       * Of a reader that was here before: where it goes on, with the generations it had there. They count if
       * the topic is still that of `topicId`; after a new start of the broker those of a memory topic do not.
       */
      positions?: {
        topicId: number;
        queues: readonly { queueId: number; generation: number; offset: number }[];
      } | null;
    };
    result: { memberId: string; topic: TopicInfo };
  };
  /**
   * After `queueDamaged`: pass over what cannot be read. `offset` is where the queue goes on; a `skip` frame
   * tells of it too. BAD_ARGUMENT when the queue is not the consumer's under this generation, or has not met
   * damage.
   */
  skipDamage: {
    params: { consumer: number; queueId: number; generation: number };
    result: { offset: number };
  };
  /**
   * The batch at `offset`, which came from the broker, is not what was sent: its body does not match its checksum. `isDamaged`: nor is it in
   * the broker's log, which is repaired from another broker where one has it. BAD_ARGUMENT when the queue is not the consumer's under this
   * generation.
   */
  reportDamage: {
    params: { consumer: number; queueId: number; generation: number; offset: number };
    result: { isDamaged: boolean };
  };
  /**
   * Moves queues that the consumer holds to another place. What they deliver from then on comes under new
   * generations, by an `assign` event; the group's committed offsets are set to it, backwards too. Queues
   * whose generation is stale are left out of the answer.
   */
  seek: {
    params: {
      consumer: number;
      queues: readonly { queueId: number; generation: number }[];
      to: StartPosition;
    };
    result: { queues: { queueId: number; offset: number }[] };
  };
  /**
   * `offset` null: nothing more of the queue is delivered, which stays the consumer's. A number: it is
   * delivered from there (again); a `flow` event goes ahead of its deliveries, and what came of the queue
   * before that event does not count. Stale generations are passed over.
   */
  flow: {
    params: {
      consumer: number;
      queues: readonly { queueId: number; generation: number; offset: number | null }[];
    };
    result: Record<string, never>;
  };
  leave: { params: { consumer: number }; result: Record<string, never> };
  /** The consumer has stopped reading these queues and committed what it wants to; they may go to others. */
  released: {
    params: { consumer: number; queues: { queueId: number; generation: number }[] };
    result: Record<string, never>;
  };
  /**
   * `offset`: the next offset to read, all below is done. Queues with a stale generation are named in
   * `fenced`, the others are kept.
   */
  commit: {
    params: { consumer: number; offsets: { queueId: number; generation: number; offset: number }[] };
    result: { fenced: number[] };
  };
}

export type ControlMethod = keyof ControlMethods;

/** Payloads of `event` frames. */
export type ControlEvent =
  /** Queues now owned, and where to begin. Deliveries of a queue follow its assignment. */
  | { event: 'assign'; queues: { queueId: number; generation: number; offset: number }[] }
  /** After `flow`: deliveries of these queues begin at these offsets from here on. */
  | { event: 'flow'; queues: { queueId: number; generation: number; offset: number }[] }
  /**
   * Stop reading, commit, and answer with `released`; after 10 s they are taken away regardless. Nothing of
   * them is delivered after this frame.
   */
  | { event: 'revoke'; queues: { queueId: number; generation: number }[] }
  /**
   * Messages from `from` up to, not including, `to` were deleted by retention (a memory topic: by want of
   * room) before the group had read them. They will not come.
   */
  | { event: 'expired'; queues: { queueId: number; from: number; to: number }[] }
  /** The consumer's topic was deleted, or the member was put out of the group. */
  | { event: 'ended'; code: string; message: string }
  /**
   * The queue cannot be read on from `offset`: nothing of it is delivered until `skipDamage`. It stays the
   * consumer's, which may commit what it has. Only for who joined with `onDamage: 'tell'`.
   */
  | ({ event: 'queueDamaged'; queueId: number; generation: number } & QueueDamage)
  /**
   * What is read of the queue is not in the master's memory any more, and these slaves have it, up to `until` at least: a member may read
   * there, by a reader in no group, while it keeps the queue here. It says so by `flow`, and comes back by it. Deliveries go on until then.
   */
  | { event: 'oldData'; queueId: number; generation: number; until: number; slaves: string[] }
  /** The consumer's group was paused, and gets nothing, or was resumed. Its queues are revoked, or assigned, by events of their own. */
  | { event: 'groupPaused'; paused: boolean }
  /** A topic was created, changed or deleted: forget what was known of it. */
  | { event: 'topicChanged'; topic: string; topicId: number };
