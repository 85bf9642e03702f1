/**
 * What holds of each control method besides its parameters and result ({@link ControlMethods}). One table for
 * both sides: the client looks up what it may ask twice, the broker what is about a consumer of the
 * connection.
 */
import type { NameServerMethod } from './cluster.js';
import type { ControlMethod } from './control.js';

export interface ControlMethodTraits {
  /** The request names a consumer that has joined on the same connection, or joins one. */
  readonly needsConsumer: boolean;
  /** A client may send the request again over the next connection when the answer was lost: asking twice does no harm. */
  readonly isRepeatable: boolean;
  /**
   * Its cost grows with what the broker has, not with what was sent, or it waits for the disk: one at a time,
   * in turn among all connections.
   */
  readonly isCostly?: boolean;
}

export const CONTROL_METHODS = {
  topicMetadata: { needsConsumer: false, isRepeatable: true },
  createTopic: { needsConsumer: false, isRepeatable: false, isCostly: true },
  listTopics: { needsConsumer: false, isRepeatable: true, isCostly: true },
  describeTopic: { needsConsumer: false, isRepeatable: true, isCostly: true },
  growTopic: { needsConsumer: false, isRepeatable: true, isCostly: true },
  setTopicRetention: { needsConsumer: false, isRepeatable: true, isCostly: true },
  deleteTopic: { needsConsumer: false, isRepeatable: false, isCostly: true },
  listGroups: { needsConsumer: false, isRepeatable: true, isCostly: true },
  describeGroup: { needsConsumer: false, isRepeatable: true, isCostly: true },
  createGroup: { needsConsumer: false, isRepeatable: false, isCostly: true },
  deleteGroup: { needsConsumer: false, isRepeatable: false, isCostly: true },
  resetOffset: { needsConsumer: false, isRepeatable: false, isCostly: true },
  findMessages: { needsConsumer: false, isRepeatable: true, isCostly: true },
  consumedBy: { needsConsumer: false, isRepeatable: true, isCostly: true },
  pauseGroup: { needsConsumer: false, isRepeatable: true, isCostly: true },
  resumeGroup: { needsConsumer: false, isRepeatable: true, isCostly: true },
  copyOffsets: { needsConsumer: false, isRepeatable: false, isCostly: true },
  skipMessages: { needsConsumer: false, isRepeatable: false, isCostly: true },
  stats: { needsConsumer: false, isRepeatable: true, isCostly: true },
  queueStats: { needsConsumer: false, isRepeatable: true, isCostly: true },
  listConnections: { needsConsumer: false, isRepeatable: true, isCostly: true },
  closeConnection: { needsConsumer: false, isRepeatable: false, isCostly: true },
  topicClients: { needsConsumer: false, isRepeatable: true, isCostly: true },
  groupLags: { needsConsumer: false, isRepeatable: true, isCostly: true },
  history: { needsConsumer: false, isRepeatable: true, isCostly: true },
  configuration: { needsConsumer: false, isRepeatable: true, isCostly: true },
  setLogLevel: { needsConsumer: false, isRepeatable: true },
  nameServerConfiguration: { needsConsumer: false, isRepeatable: true, isCostly: true },
  setNameServerLogLevel: { needsConsumer: false, isRepeatable: true },
  standing: { needsConsumer: false, isRepeatable: true },
  promote: { needsConsumer: false, isRepeatable: false },
  createUser: { needsConsumer: false, isRepeatable: false, isCostly: true },
  setPassword: { needsConsumer: false, isRepeatable: true, isCostly: true },
  setRoles: { needsConsumer: false, isRepeatable: true, isCostly: true },
  setLimits: { needsConsumer: false, isRepeatable: true, isCostly: true },
  listUsers: { needsConsumer: false, isRepeatable: true, isCostly: true },
  deleteUser: { needsConsumer: false, isRepeatable: false, isCostly: true },
  createRole: { needsConsumer: false, isRepeatable: false, isCostly: true },
  listRoles: { needsConsumer: false, isRepeatable: true, isCostly: true },
  deleteRole: { needsConsumer: false, isRepeatable: false, isCostly: true },
  grant: { needsConsumer: false, isRepeatable: true, isCostly: true },
  revoke: { needsConsumer: false, isRepeatable: true, isCostly: true },
  listGrants: { needsConsumer: false, isRepeatable: true, isCostly: true },
  accessRecords: { needsConsumer: false, isRepeatable: true, isCostly: true },
  listAudit: { needsConsumer: false, isRepeatable: true, isCostly: true },
  testAccess: { needsConsumer: false, isRepeatable: true },
  renew: { needsConsumer: false, isRepeatable: false },
  join: { needsConsumer: true, isRepeatable: false },
  skipDamage: { needsConsumer: true, isRepeatable: false },
  reportDamage: { needsConsumer: true, isRepeatable: false, isCostly: true },
  seek: { needsConsumer: true, isRepeatable: false, isCostly: true },
  flow: { needsConsumer: true, isRepeatable: false },
  leave: { needsConsumer: true, isRepeatable: false },
  released: { needsConsumer: true, isRepeatable: false },
  commit: { needsConsumer: true, isRepeatable: false },
} as const satisfies Record<ControlMethod, ControlMethodTraits>;

/** Those of a name server. The two that register belong to one connection. */
export const NAME_SERVER_METHODS = {
  registerBroker: { needsConsumer: false, isRepeatable: false },
  registerTopics: { needsConsumer: false, isRepeatable: false },
  route: { needsConsumer: false, isRepeatable: true },
  topicRoute: { needsConsumer: false, isRepeatable: true },
  topicChanges: { needsConsumer: false, isRepeatable: true },
  clusterStatus: { needsConsumer: false, isRepeatable: true },
  configuration: { needsConsumer: false, isRepeatable: true },
  setLogLevel: { needsConsumer: false, isRepeatable: true },
} as const satisfies Record<NameServerMethod, ControlMethodTraits>;

const COSTLY: ReadonlySet<string> = new Set(
  Object.entries<ControlMethodTraits>(CONTROL_METHODS)
    .filter(([, traits]) => traits.isCostly === true)
    .map(([method]) => method),
);

/** True for a method whose cost grows with what the broker has. */
export function isCostlyMethod(method: unknown): boolean {
  return typeof method === 'string' && COSTLY.has(method);
}

/** True for a method that this version knows. */
export function isControlMethod(method: string): method is ControlMethod {
  return Object.hasOwn(CONTROL_METHODS, method);
}

/** True for a method of name servers that this version knows. */
export function isNameServerMethod(method: string): method is NameServerMethod {
  return Object.hasOwn(NAME_SERVER_METHODS, method);
}
