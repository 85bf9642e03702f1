/** The control plane of a broker, as an engine puts it together from what it has. */
import { AUDIT_TOPIC } from '../native-free/wire/index.js';
import type { AccessDesk } from './access/access-desk.js';
import type { AuditTopic } from './control/audit-topic.js';
import type { ControlServer } from './control/channel-server.js';
import { connectionIdsOf } from './control/connection-desk.js';
import type { ControlLog } from './control/control-log.js';
import { ControlPlane } from './control/index.js';
import { queueHooks } from './control/queue-hooks.js';
import type { TopicQueues } from './control/topic-queues.js';
import type { KnownDamage } from './data/known-damage.js';
import type { OpenData } from './data/open-data.js';
import type { QueueBegins } from './data/queue-begins.js';
import type { EngineEvents } from './engine-events.js';
import type { Figures } from './figures.js';
import type { FindDesk } from './find/find-desk.js';
import type { BrokerHandle } from './handle.js';
import type { LogEnding } from './log-ending.js';
import type { ResolvedEngineOptions } from './options.js';
import { LANE } from './queue/index.js';
import type { Replication } from './set/replication.js';
import { SharedText } from './term/shared-text.js';
import type { ThreadParts } from './thread/thread-parts.js';

export interface PlanePartHost {
  readonly handle: BrokerHandle;
  readonly options: ResolvedEngineOptions;
  readonly parts: ThreadParts;
  readonly data: OpenData;
  readonly events: EngineEvents;
  readonly control: ControlLog;
  readonly access: AccessDesk;
  readonly auditTopic: AuditTopic;
  readonly queues: TopicQueues;
  readonly begins: QueueBegins;
  readonly damage: KnownDamage;
  readonly find: FindDesk;
  readonly ending: LogEnding;
  /** These three are made after it. */
  replication(): Replication;
  figures(): Figures;
  server(): ControlServer;
  /** Runs a function in a later turn of the event loop. */
  later(run: () => void): void;
  warn(message: string, details: Record<string, unknown>): void;
}

export function planePart(host: PlanePartHost): ControlPlane {
  const { handle, options, parts, data, events, auditTopic, begins, find, ending } = host;
  const { replication, figures, server } = host;
  return new ControlPlane({
    later: host.later,
    log: host.control,
    access: host.access,
    wanted: (topic) => (topic === AUDIT_TOPIC ? auditTopic.ensure() : null),
    epoch: Math.max(data.node.epoch, data.recovery.lastEpoch),
    isFollower: () => parts.term.isFollower,
    masterUrl: () => new SharedText(handle.masterUrl).get(),
    promote: (epoch, force) => replication().promotion.promote(epoch, force),
    standing: () => replication().describe(),
    handOver: () => replication().handOver.waited,
    catalog: data.catalog,
    ...queueHooks(host.queues, host.damage.list, options),
    onTopicChanged: (topic, topicId) => server().topicChanged(topic, topicId),
    onTopicRetained: ({ topic, topicId }) => server().topicRetained(topic, topicId),
    lastStoreTime: () => data.table.lastStoreTime(LANE.log),
    followBegins: () => begins.follow(),
    onTopicGrown: (topic) => server().topicGrown(topic),
    findMessages: (params) => find.find(params),
    stats: () => figures().stats.read(),
    history: (params) => figures().sampler.read(params),
    configuration: () => events.configuration?.() ?? [],
    ...(events.setLogLevel === undefined ? {} : { setLogLevel: events.setLogLevel }),
    nameServers: () => events.nameServers?.() ?? null,
    brokerName: handle.brokerName,
    askThreads: (question) => server().ask(question),
    isOwnConnection: (id) => id.startsWith(connectionIdsOf(handle.openingId)),
    queueStats: () => figures().stats.readQueues(),
    onFatal: (error) => ending.fatal(error),
    onWarning: host.warn,
    maxGroups: options.maxGroups,
    maxMembersPerGroup: options.maxMembersPerGroup,
    maxGroupQueues: options.maxGroupQueues,
    groupRetentionMs: options.groupRetentionMs,
  });
}
