/** A broker's part in a set of master and slaves, as an engine puts it together from what it has. */
import type { ClusterSecrets } from './access/cluster-secrets.js';
import type { ControlServer } from './control/channel-server.js';
import type { ControlLog } from './control/control-log.js';
import type { ControlPlane } from './control/index.js';
import type { TopicQueues } from './control/topic-queues.js';
import type { HeldKeeper } from './data/held-keeper.js';
import type { KnownDamage } from './data/known-damage.js';
import type { OpenData } from './data/open-data.js';
import type { QueueBegins } from './data/queue-begins.js';
import type { BrokerHandle } from './handle.js';
import type { LogEnding } from './log-ending.js';
import type { ResolvedEngineOptions } from './options.js';
import { followedTopics } from './set/followed-topics.js';
import type { Mastership } from './set/mastership.js';
import { Replication } from './set/replication.js';
import type { ThreadParts } from './thread/thread-parts.js';

export interface SetPartHost {
  readonly options: ResolvedEngineOptions;
  readonly handle: BrokerHandle;
  readonly parts: ThreadParts;
  readonly data: OpenData;
  readonly secrets: ClusterSecrets | null;
  readonly queues: TopicQueues;
  readonly begins: QueueBegins;
  readonly held: HeldKeeper;
  readonly damage: KnownDamage;
  readonly control: ControlLog;
  readonly plane: ControlPlane;
  readonly mastership: Mastership;
  readonly ending: LogEnding;
  /** It is made after it. */
  server(): ControlServer;
  warn(message: string, details: Record<string, unknown>): void;
}

export function setPart(host: SetPartHost): Replication {
  const { parts, data, queues, begins, damage, plane, mastership, ending, server } = host;
  return new Replication({
    options: host.options,
    handle: host.handle,
    node: data.node,
    secrets: host.secrets,
    term: parts.term,
    marks: parts.replicas,
    catalog: data.catalog,
    table: data.table,
    ring: parts.logRing,
    control: host.control,
    replay: followedTopics(data, queues, {
      changed: (topic, topicId) => server().topicChanged(topic, topicId),
      retained: (topic, topicId) => server().topicRetained(topic, topicId),
      begun: (position) => begins.said(position),
      grown: (topic) => {
        server().topicGrown(topic);
        plane.topicGrown(topic);
      },
      gone: (topic) => {
        plane.topicGone(topic);
        damage.list.forget(topic.topicId);
      },
    }),
    held: host.held,
    repair: damage.repair,
    takeOver: (entries) => plane.takeOver(entries),
    oldestPosition: () => parts.logReader.oldestPosition,
    onNode: () => ending.nodeReplaced(),
    onMaster: () => plane.becomeMaster(),
    onFenced: (epoch) => mastership.fence(epoch, null),
    wakeAll: () => ending.wakeAll(),
    onHandedOver: () => plane.handedOver(),
    warn: host.warn,
  });
}
