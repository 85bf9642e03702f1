/** Topics and groups, by control requests. */
import type { GroupDescription, GroupInfo, TopicDescription, TopicInfo } from '../wire/index.js';
import { startPosition } from './consume/consumer.js';
import type { Requests } from './link/requests.js';
import type { Admin, CallOptions, NewGroup, NewTopic, OffsetReset } from './types.js';

/** Queues of a topic whose creator does not say. */
const DEFAULT_QUEUES = 4;

export class ControlAdmin implements Admin {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  createTopic(topic: NewTopic, options?: CallOptions): Promise<TopicInfo> {
    const params = {
      topic: topic.topic,
      queues: topic.queues ?? DEFAULT_QUEUES,
      memory: topic.memory ?? false,
      ifNotExists: topic.ifNotExists ?? false,
    };
    return this.#requests.call('createTopic', params, { ...options, mayRepeat: params.ifNotExists });
  }

  async listTopics(options?: CallOptions): Promise<TopicInfo[]> {
    return (await this.#requests.call('listTopics', {}, options)).topics;
  }

  describeTopic(topic: string, options?: CallOptions): Promise<TopicDescription> {
    return this.#requests.call('describeTopic', { topic }, options);
  }

  async deleteTopic(topic: string, options?: CallOptions): Promise<void> {
    await this.#requests.call('deleteTopic', { topic }, options);
  }

  async listGroups(options?: CallOptions): Promise<GroupInfo[]> {
    return (await this.#requests.call('listGroups', {}, options)).groups;
  }

  describeGroup(group: string, options?: CallOptions): Promise<GroupDescription> {
    return this.#requests.call('describeGroup', { group }, options);
  }

  createGroup(group: NewGroup, options?: CallOptions): Promise<GroupInfo> {
    const params = { group: group.group, ifNotExists: group.ifNotExists ?? false };
    return this.#requests.call('createGroup', params, { ...options, mayRepeat: params.ifNotExists });
  }

  async deleteGroup(group: string, options?: CallOptions): Promise<void> {
    await this.#requests.call('deleteGroup', { group }, options);
  }

  async resetOffset(
    change: OffsetReset,
    options?: CallOptions,
  ): Promise<{ queueId: number; offset: number }[]> {
    const params = {
      group: change.group,
      topic: change.topic,
      to: startPosition(change.to),
      queueId: change.queueId ?? null,
    };
    return (await this.#requests.call('resetOffset', params, options)).queues;
  }
}
