/** One handler for each control method: which part of the control plane answers it, and what is waited for first. */
import { type ControlMethod, type ControlMethods, RingMQError } from '../../native-free/wire/index.js';
import { type TopicCatalog, topicInfo } from '../meta/topic-catalog.js';
import type { AccessView } from './access-view.js';
import { listAudit } from './audit-view.js';
import type { ControlCaller } from './channel-messages.js';
import type { ConnectionsView } from './connections-view.js';
import type { ConsumerCalls } from './consumer-calls.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import type { GroupAdmin } from './group-admin.js';
import type { GroupView } from './group-view.js';
import type { TopicAdmin } from './topic-admin.js';

type Params<M extends ControlMethod> = ControlMethods[M]['params'];
type Result<M extends ControlMethod> = ControlMethods[M]['result'];
export type Handlers = {
  [M in ControlMethod]: (params: Params<M>, caller: ControlCaller) => Result<M> | Promise<Result<M>>;
};

/** Who knows the answers. */
export interface HandlerDeps {
  readonly options: ControlPlaneOptions;
  readonly catalog: TopicCatalog;
  readonly topics: TopicAdmin;
  readonly groups: GroupAdmin;
  readonly view: GroupView;
  readonly consumers: ConsumerCalls;
  readonly connections: ConnectionsView;
  readonly access: AccessView;
}

/** Who answers which method. */
export function controlHandlers(deps: HandlerDeps): Handlers {
  const { options, catalog, topics, groups, view, consumers, connections, access } = deps;
  return {
    topicMetadata: ({ topic }) => topicInfo(catalog.require(topic)),
    createTopic: (params) => topics.create(params),
    listTopics: (params) => topics.list(params),
    describeTopic: async ({ topic, ...page }) => {
      await options.wanted?.(topic);
      return topics.describe(topic, page);
    },
    setTopicRetention: (params) => topics.retain(params),
    growTopic: (params) => topics.grow(params),
    deleteTopic: async ({ topic, upTo }) => {
      await topics.delete(topic, upTo ?? null);
      return {};
    },
    listGroups: (params) => view.list(params),
    describeGroup: async ({ group, ...page }) => {
      await options.handOver?.();
      return view.describe(group, page);
    },
    createGroup: (params) => groups.create(params),
    deleteGroup: async ({ group }) => {
      await groups.delete(group);
      return {};
    },
    resetOffset: async (params) => ({ queues: await groups.resetOffset(params) }),
    listConnections: (params) => connections.list(params),
    closeConnection: async ({ id }) => {
      await connections.close(id);
      return {};
    },
    topicClients: (params) => connections.topicClients(params),
    groupLags: async (params) => {
      await options.handOver?.();
      return view.lags(params);
    },
    history: (params) => options.history(params),
    configuration: () => ({
      brokerName: options.brokerName ?? '',
      options: options.configuration?.() ?? [],
    }),
    setLogLevel: ({ level }) => {
      if (options.setLogLevel === undefined) {
        throw new RingMQError('NOT_SUPPORTED', 'this broker has no log of its own');
      }
      options.setLogLevel(level);
      return {};
    },
    nameServerConfiguration: async () => ({
      nameServers: (await options.nameServers?.()?.configurations()) ?? [],
    }),
    setNameServerLogLevel: async ({ nameServer, level }) => {
      const door = options.nameServers?.() ?? null;
      if (door === null) {
        throw new RingMQError('BAD_ARGUMENT', 'this broker registers with no name server');
      }
      await door.setLogLevel(nameServer, level);
      return {};
    },
    pauseGroup: (params) => groups.setPaused(params, true),
    resumeGroup: (params) => groups.setPaused(params, false),
    copyOffsets: async (params) => ({ queues: await groups.copyOffsets(params) }),
    skipMessages: (params) => groups.skip(params),
    standing: () => {
      const standing = options.standing?.();
      return standing ?? noLog();
    },
    promote: async ({ epoch, force }) => (await options.promote?.(epoch ?? 0, force ?? false)) ?? noLog(),
    ...access.handlers(),
    listAudit: (params) => listAudit(options.log.state.audit, params),
    findMessages: (params) => options.findMessages?.(params) ?? noLog(),
    consumedBy: async ({ topic, queueId, offset, ...page }) => {
      await options.handOver?.();
      return view.consumedBy(catalog.require(topic), queueId, offset, page);
    },
    stats: () => options.stats(),
    queueStats: async () => {
      await options.handOver?.();
      return options.queueStats();
    },
    renew: () => {
      throw new RingMQError('NOT_SUPPORTED', 'the connection itself answers renew');
    },
    skipDamage: () => atTheConsumer('skipDamage'),
    reportDamage: () => atTheConsumer('reportDamage'),
    flow: () => atTheConsumer('flow'),
    join: (params, caller) => {
      const wanted = options.wanted?.(params.topic) ?? null;
      const join = (): Result<'join'> => consumers.join(params, caller);
      return wanted === null ? join() : wanted.then(join);
    },
    seek: (params, caller) => consumers.seek(params, caller),
    leave: (_, caller) => consumers.leave(caller),
    released: (params, caller) => consumers.released(params, caller),
    commit: (params, caller) => consumers.commit(params, caller),
  };
}

function noLog(): never {
  throw new RingMQError('NOT_SUPPORTED', 'this broker has no log to be master of');
}

function atTheConsumer(method: string): never {
  throw new RingMQError('NOT_SUPPORTED', `the connection of the consumer answers ${method}`);
}
