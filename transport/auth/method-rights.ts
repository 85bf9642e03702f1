/**
 * What a user needs for each method of `request`, and for each frame it can send: the one table. A method that is not in it does not
 * compile, and would be refused.
 */
import {
  AUDIT_TOPIC,
  BROKER_USER,
  type ControlMethod,
  type ErrorCode,
  grantFault,
  type OPCODE,
  RIGHTS,
  type Right,
  RingMQError,
} from '../../native-free/wire/index.js';
import type { FilteredMethod } from './filtered-pages.js';
import { has, type Need, notAllowed, type Principal } from './principal.js';

type Params = Readonly<Record<string, unknown>>;

export interface MethodRight {
  /** All of it is needed. */
  readonly needs?: (params: Params) => readonly Need[];
  /** What is said of a thing that the user cannot see, whether it is there or not, in place of NOT_ALLOWED. */
  readonly hides?: ErrorCode;
  /** The user may do it for itself whatever it may do else. */
  readonly ofSelf?: (params: Params, user: string) => boolean;
  /** About the connection's own login. */
  readonly isOwn?: true;
  /** About a consumer of this connection: what it needs was looked at when it joined, and is whenever rights change. */
  readonly isMembers?: true;
  /** For other brokers of the cluster alone, whatever a user may do, and where nobody has to log in, too: verifiers of passwords are in it. */
  readonly isBrokers?: true;
  /** The right that is named when one of `needs` that means any is missing. */
  readonly names?: Right;
  /** What the user does not see is left out of the answer: filtered-pages.ts. */
  readonly isFiltered?: true;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

const onTopic =
  (right: Need['right']) =>
  ({ topic }: Params): Need[] => [{ right, resource: `topic:${textOf(topic)}` }];
const onGroup =
  (right: Need['right']) =>
  ({ group }: Params): Need[] => [{ right, resource: `group:${textOf(group)}` }];
const onCluster = (): Need[] => [{ right: 'manage', resource: 'cluster' }];
const MANAGES_CLUSTER: MethodRight = { needs: onCluster };
const OF_MEMBER: MethodRight = { isMembers: true };

export const METHOD_RIGHTS: Readonly<Record<ControlMethod, MethodRight>> = {
  topicMetadata: { needs: onTopic('any'), names: 'publish' },
  createTopic: { needs: onTopic('manage') },
  listTopics: { isFiltered: true },
  describeTopic: { needs: onTopic('any'), hides: 'TOPIC_NOT_FOUND' },
  growTopic: { needs: onTopic('manage'), hides: 'TOPIC_NOT_FOUND' },
  setTopicRetention: { needs: onTopic('manage'), hides: 'TOPIC_NOT_FOUND' },
  deleteTopic: { needs: onTopic('manage'), hides: 'TOPIC_NOT_FOUND' },
  listGroups: { isFiltered: true },
  describeGroup: { needs: onGroup('any'), hides: 'GROUP_NOT_FOUND', isFiltered: true },
  createGroup: { needs: onGroup('manage') },
  deleteGroup: { needs: onGroup('manage'), hides: 'GROUP_NOT_FOUND' },
  resetOffset: { needs: (params) => [...onGroup('manage')(params), ...onTopic('subscribe')(params)] },
  // By id alone: what it is of is looked at in the answer.
  findMessages: {
    needs: (params) => (typeof params['topic'] === 'string' ? onTopic('subscribe')(params) : []),
    hides: 'TOPIC_NOT_FOUND',
    isFiltered: true,
  },
  consumedBy: { needs: onTopic('subscribe'), hides: 'TOPIC_NOT_FOUND', isFiltered: true },
  pauseGroup: { needs: onGroup('manage'), hides: 'GROUP_NOT_FOUND' },
  resumeGroup: { needs: onGroup('manage'), hides: 'GROUP_NOT_FOUND' },
  copyOffsets: {
    needs: ({ from, to, topic }) => [
      ...onGroup('manage')({ group: to }),
      ...onGroup('any')({ group: from }),
      ...onTopic('subscribe')({ topic }),
    ],
  },
  skipMessages: { needs: (params) => [...onGroup('manage')(params), ...onTopic('subscribe')(params)] },
  stats: MANAGES_CLUSTER,
  queueStats: MANAGES_CLUSTER,
  listConnections: MANAGES_CLUSTER,
  closeConnection: MANAGES_CLUSTER,
  topicClients: { needs: onTopic('manage'), hides: 'TOPIC_NOT_FOUND' },
  groupLags: MANAGES_CLUSTER,
  history: MANAGES_CLUSTER,
  configuration: MANAGES_CLUSTER,
  setLogLevel: MANAGES_CLUSTER,
  nameServerConfiguration: MANAGES_CLUSTER,
  setNameServerLogLevel: MANAGES_CLUSTER,
  standing: MANAGES_CLUSTER,
  promote: MANAGES_CLUSTER,
  createUser: MANAGES_CLUSTER,
  setPassword: { needs: onCluster, ofSelf: isOwnPassword },
  setRoles: MANAGES_CLUSTER,
  setLimits: MANAGES_CLUSTER,
  listUsers: MANAGES_CLUSTER,
  deleteUser: MANAGES_CLUSTER,
  createRole: MANAGES_CLUSTER,
  listRoles: MANAGES_CLUSTER,
  deleteRole: MANAGES_CLUSTER,
  grant: MANAGES_CLUSTER,
  revoke: MANAGES_CLUSTER,
  listGrants: MANAGES_CLUSTER,
  accessRecords: { isBrokers: true },
  listAudit: { needs: auditNeeds },
  testAccess: { needs: onCluster, ofSelf: (params, user) => params['user'] === user },
  renew: { isOwn: true },
  join: { needs: joinNeeds },
  skipDamage: OF_MEMBER,
  reportDamage: OF_MEMBER,
  seek: OF_MEMBER,
  flow: OF_MEMBER,
  leave: OF_MEMBER,
  released: OF_MEMBER,
  commit: OF_MEMBER,
};

/** Where each kind of frame that a client may send is looked at. */
export const FRAME_RIGHTS: Readonly<Partial<Record<keyof typeof OPCODE, string>>> = {
  hello: 'before the login',
  proof: 'before the login',
  request: 'by its method',
  produce: 'publish on the topic of each batch',
  credit: 'by the consumer, as it joined',
  ping: 'needs none',
  pong: 'needs none',
};

/** Whoever may read the topic, or manages the cluster. */
function auditNeeds(): Need[] {
  return [
    { right: 'subscribe', resource: `topic:${AUDIT_TOPIC}`, or: { right: 'manage', resource: 'cluster' } },
  ];
}

/** @throws RingMQError NOT_AUTHENTICATED: whoever has come to an open connection does not know the password */
function isOwnPassword({ user, proof }: Params, self: string): boolean {
  if (user !== self) {
    return false;
  }
  if (typeof proof !== 'string') {
    throw new RingMQError('NOT_AUTHENTICATED', 'who sets its own password gives the one before, too');
  }
  return true;
}

/** What a consumer needs for as long as it is there; one without a group (a reader) takes nothing from any. */
export function joinNeeds(params: Params): Need[] {
  const topic = onTopic('subscribe')(params);
  const { group } = params;
  return group === null || group === undefined ? topic : [...topic, ...onGroup('subscribe')(params)];
}

/** @throws RingMQError NOT_ALLOWED, or that there is no such thing where the user is not to know whether there is */
export function checkMethod(method: ControlMethod, params: Params, principal: Principal | null): void {
  const { needs, hides, ofSelf, names, isBrokers } = METHOD_RIGHTS[method];
  if (isBrokers === true && principal?.user !== BROKER_USER) {
    throw notAllowed('manage', 'brokers');
  }
  if (principal === null) {
    return;
  }
  if (ofSelf?.(params, principal.user) === true) {
    return;
  }
  for (const need of needs?.(params) ?? []) {
    if (has(principal, need)) {
      continue;
    }
    const { right, resource } = need;
    if (hides !== undefined && !principal.rights.sees(resource)) {
      throw hidden(hides, resource);
    }
    throw notAllowed(right === 'any' ? (names ?? 'subscribe') : right, resource);
  }
}

/**
 * Whether a user that asks of itself may do that: a token's rights are of the connection, and the table knows
 * nothing of them. null: it asks of somebody else, or for what the table has to refuse.
 */
export function ownRight(method: ControlMethod, params: Params, principal: Principal | null): boolean | null {
  const { user, right, resource } = params;
  const isOwn = method === 'testAccess' && principal !== null && user === principal.user;
  const isQuestion = typeof resource === 'string' && !resource.endsWith('*') && isRight(right);
  return isOwn && isQuestion && grantFault(right, resource) === null
    ? principal.rights.may(right, resource)
    : null;
}

function isRight(right: unknown): right is Right {
  return (RIGHTS as readonly unknown[]).includes(right);
}

/** As the broker says it of what is not there. */
function hidden(code: ErrorCode, resource: string): RingMQError {
  const [kind = '', name = ''] = [
    resource.slice(0, resource.indexOf(':')),
    resource.slice(resource.indexOf(':') + 1),
  ];
  const shown = name.length > 64 ? `${name.slice(0, 64)}…` : name;
  return new RingMQError(code, `there is no ${kind} '${shown}'`, { details: { [kind]: name } });
}

export function isFiltered(method: ControlMethod): method is FilteredMethod {
  return METHOD_RIGHTS[method].isFiltered === true;
}
