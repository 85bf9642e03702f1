/** Users, rights, and what administrators did, as an engine puts them together. */
import { AUDIT_TOPIC } from '../native-free/wire/index.js';
import { AccessDesk } from './access/access-desk.js';
import { AuditKeeper } from './access/audit-keeper.js';
import { brokerPassword } from './access/broker-password.js';
import type { ClusterSecrets } from './access/cluster-secrets.js';
import { AUDIT_TOPIC_PARAMS, AuditTopic } from './control/audit-topic.js';
import type { ControlLog } from './control/control-log.js';
import type { ControlPlane } from './control/index.js';
import type { BrokerHandle } from './handle.js';
import type { AccessState } from './meta/access-state.js';
import type { AuditState } from './meta/audit-state.js';
import type { ControlRecord } from './meta/index.js';
import { BROKER_WORD } from './term/shared-words.js';
import type { BrokerThread } from './thread/broker-thread.js';

export interface AccessParts {
  readonly desk: AccessDesk;
  /** Every thread asks anew what its users may do if the record says anything of users or roles. */
  applied(record: ControlRecord): void;
  /** The secrets of the cluster are not listened to any longer. */
  close(): void;
}

export function accessParts(
  handle: BrokerHandle,
  state: AccessState,
  secrets: ClusterSecrets | null,
): AccessParts {
  const desk = new AccessDesk({
    state,
    brokerPasswords: () => secrets?.all.map(brokerPassword) ?? [],
    version: () => Atomics.load(new Int32Array(handle.brokerWords), BROKER_WORD.accessVersion),
  });
  const changed = (): void => {
    Atomics.add(new Int32Array(handle.brokerWords), BROKER_WORD.accessVersion, 1);
  };
  // Who has proved one that is taken no more is asked again.
  const close = secrets?.onChanged(changed) ?? (() => {});
  const applied = ({ type }: ControlRecord): void => {
    if (type === 'user' || type === 'role' || type === 'principalGone') {
      changed();
    }
  };
  return { desk, applied, close };
}

/** What the audit trail and its topic work on. The thread and the plane are made after them. */
export interface AuditHost {
  readonly state: AuditState;
  readonly options: { readonly auditMaxCount: number; readonly auditRetentionMs: number };
  readonly control: ControlLog;
  thread(): BrokerThread;
  plane(): ControlPlane;
  topicId(name: string): number | undefined;
  isFollower(): boolean;
  warn(message: string, details: Record<string, unknown>): void;
}

export interface AuditParts {
  readonly keeper: AuditKeeper;
  /** Has every entry of the trail as a message. */
  readonly topic: AuditTopic;
}

export function auditParts(host: AuditHost): AuditParts {
  const { state, control, isFollower } = host;
  state.maxCount = host.options.auditMaxCount;
  state.retentionMs = host.options.auditRetentionMs;
  const keeper = new AuditKeeper({
    state,
    append: (records) => control.append(records),
    isFollower,
    onWritten: () => topic.publish(),
    warn: host.warn,
  });
  const topic = new AuditTopic({
    state,
    topic: () => {
      const topicId = host.topicId(AUDIT_TOPIC);
      return topicId === undefined ? null : (host.plane().topicEntry(topicId) ?? null);
    },
    create: () => host.thread().call('createTopic', AUDIT_TOPIC_PARAMS),
    append: (sink, id, bytes, entry) => host.thread().append(sink, id, bytes, entry),
    isFollower,
  });
  return { keeper, topic };
}
