/** Topics and groups, by control requests. Arguments are checked at the call: what is wrong with one never costs a round trip. */
import type { GroupDescription, GroupInfo, TopicDescription, TopicInfo } from '../wire/index.js';
import { MAX_QUEUES_PER_TOPIC } from '../wire/index.js';
import { startPosition } from './consume/consumer.js';
import type { Requests } from './link/requests.js';
import {
  anyNameOption,
  badArgument,
  booleanOption,
  checkCallOptions,
  checkOptions,
  countOption,
  nameOption,
  type OptionNames,
} from './options.js';
import type { Admin, CallOptions, NewGroup, NewTopic, OffsetReset } from './types.js';

/** Queues of a topic whose creator does not say. */
const DEFAULT_QUEUES = 4;

const NEW_TOPIC: OptionNames<NewTopic> = { topic: true, queues: true, memory: true, ifNotExists: true };
const NEW_GROUP: OptionNames<NewGroup> = { group: true, ifNotExists: true };
const OFFSET_RESET: OptionNames<OffsetReset> = { group: true, topic: true, to: true, queueId: true };

export class ControlAdmin implements Admin {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  async createTopic(topic: NewTopic, options?: CallOptions): Promise<TopicInfo> {
    checkGiven('createTopic', topic, NEW_TOPIC);
    checkCallOptions('createTopic', options);
    const params = {
      topic: nameOption('topic', topic.topic),
      queues: countOption('queues', topic.queues, DEFAULT_QUEUES, 1, MAX_QUEUES_PER_TOPIC),
      memory: booleanOption('memory', topic.memory, false),
      ifNotExists: booleanOption('ifNotExists', topic.ifNotExists, false),
    };
    return this.#requests.call('createTopic', params, { ...options, mayRepeat: params.ifNotExists });
  }

  async listTopics(options?: CallOptions): Promise<TopicInfo[]> {
    checkCallOptions('listTopics', options);
    return (await this.#requests.call('listTopics', {}, options)).topics;
  }

  async describeTopic(topic: string, options?: CallOptions): Promise<TopicDescription> {
    checkCallOptions('describeTopic', options);
    return this.#requests.call('describeTopic', { topic: anyNameOption('topic', topic) }, options);
  }

  async deleteTopic(topic: string, options?: CallOptions): Promise<void> {
    checkCallOptions('deleteTopic', options);
    await this.#requests.call('deleteTopic', { topic: anyNameOption('topic', topic) }, options);
  }

  async listGroups(options?: CallOptions): Promise<GroupInfo[]> {
    checkCallOptions('listGroups', options);
    return (await this.#requests.call('listGroups', {}, options)).groups;
  }

  async describeGroup(group: string, options?: CallOptions): Promise<GroupDescription> {
    checkCallOptions('describeGroup', options);
    return this.#requests.call('describeGroup', { group: anyNameOption('group', group) }, options);
  }

  async createGroup(group: NewGroup, options?: CallOptions): Promise<GroupInfo> {
    checkGiven('createGroup', group, NEW_GROUP);
    checkCallOptions('createGroup', options);
    const params = {
      group: nameOption('group', group.group),
      ifNotExists: booleanOption('ifNotExists', group.ifNotExists, false),
    };
    return this.#requests.call('createGroup', params, { ...options, mayRepeat: params.ifNotExists });
  }

  async deleteGroup(group: string, options?: CallOptions): Promise<void> {
    checkCallOptions('deleteGroup', options);
    await this.#requests.call('deleteGroup', { group: anyNameOption('group', group) }, options);
  }

  async resetOffset(
    change: OffsetReset,
    options?: CallOptions,
  ): Promise<{ queueId: number; offset: number }[]> {
    checkGiven('resetOffset', change, OFFSET_RESET);
    checkCallOptions('resetOffset', options);
    if (change.to === undefined) {
      throw badArgument('to', 'must be earliest, latest, a Date, { time } or { offset }');
    }
    const params = {
      group: anyNameOption('group', change.group),
      topic: anyNameOption('topic', change.topic),
      to: startPosition(change.to, 'to'),
      queueId:
        change.queueId === undefined
          ? null
          : countOption('queueId', change.queueId, 0, 0, MAX_QUEUES_PER_TOPIC - 1),
    };
    return (await this.#requests.call('resetOffset', params, options)).queues;
  }
}

/** An object that must be there. */
function checkGiven<T extends object>(call: string, given: T | undefined, names: OptionNames<T>): void {
  if (given === undefined) {
    throw badArgument(call, `needs an object with ${Object.keys(names).join(', ')}`);
  }
  checkOptions(call, given, names);
}
