/**
 * Topics of a cluster are made and changed at each set, with one time of the change for all of them: sets tell each other what they
 * have, and the later change counts.
 */
import { type GrownTopic, isRingMQError, RingMQError, type TopicInfo } from '../../wire/index.js';
import type { ControlAdmin } from '../admin.js';
import { growthParams, newTopicParams, retentionParams } from '../admin-params.js';
import type { CallOptions, NewTopic, TopicGrowth, TopicRetention } from '../types.js';
import { mergedTopics } from './merged.js';
import { AWAY, type Outcomes, type SetCalls, throwFailed } from './set-calls.js';
import type { SetLink } from './set-link.js';

export class TopicChanges {
  readonly #sets: SetCalls;

  constructor(sets: SetCalls) {
    this.#sets = sets;
  }

  async create(topic: NewTopic, how: CallOptions): Promise<TopicInfo> {
    // What is wrong with the arguments is to be found before anything is made.
    const params = newTopicParams(topic);
    const { sets: wanted } = params;
    const known = await this.#sets.each((_admin, link) => topicAt(link, params.topic, how), wanted, 'sets');
    throwFailed('createTopic', known, AWAY);
    const there = known.done.filter(({ value }) => value !== null) as { set: string; value: TopicInfo }[];
    const [first] = there;
    if (first !== undefined && !params.ifNotExists) {
      throw new RingMQError(
        'TOPIC_EXISTS',
        `the topic '${params.topic}' exists in the broker set ${first.set}`,
        {
          details: { topic: params.topic, brokerSet: first.set },
        },
      );
    }
    const made = [...there];
    let createdTime = first?.value.createdTime ?? null;
    const rest = known.done.filter(({ value }) => value === null).map(({ set }) => set);
    // The first one says when it was made, and the others are told; the sets tell each other too, so it may
    // be there by now.
    for (const sets of createdTime === null ? [rest.slice(0, 1), rest.slice(1)] : [rest]) {
      if (sets.length === 0) {
        continue;
      }
      const time = createdTime;
      const outcomes = await this.#sets.each((admin, link) => createAt(link, params, time, admin, how), sets);
      throwFailed('createTopic', { done: [...made, ...outcomes.done], failed: outcomes.failed }, AWAY);
      made.push(...outcomes.done);
      createdTime ??= made[0]?.value.createdTime ?? null;
    }
    made.sort((a, b) => (a.set < b.set ? -1 : 1));
    return mergedTopics(made.map(({ set, value }) => ({ set, value: [value] })))[0] as TopicInfo;
  }

  async retain(retention: TopicRetention, how: CallOptions): Promise<TopicInfo> {
    const params = retentionParams(retention);
    const known = await this.#sets.each((_admin, link) => topicAt(link, params.topic, how));
    throwFailed('setTopicRetention', known, AWAY);
    const there = known.done.filter(({ value }) => value !== null).map(({ set }) => set);
    const told = async (sets: readonly string[], time: number | null): Promise<Outcomes<TopicInfo>> => {
      const outcomes = await this.#sets.each((admin) => admin.setTopicRetention(params, how, time), sets);
      throwFailed('setTopicRetention', outcomes, ['TOPIC_NOT_FOUND', ...AWAY]);
      return outcomes;
    };
    // The first one says when it was said, and all are told: later than what any of them was told before.
    const [first] = there.length === 0 ? [] : (await told(there.slice(0, 1), null)).done;
    const last = Math.max(0, ...known.done.map(({ value }) => value?.retentionSetTime ?? 0));
    const time = Math.max(first?.value.retentionSetTime ?? 0, last + 1);
    const { done } = first === undefined ? { done: [] } : await told(there, time);
    const [merged] = mergedTopics(done.map(({ set, value }) => ({ set, value: [value] })));
    if (merged === undefined) {
      throw noneHas(params.topic);
    }
    return merged;
  }

  async grow(growth: TopicGrowth, how: CallOptions): Promise<GrownTopic> {
    const params = growthParams(growth);
    const known = await this.#sets.each((_admin, link) => topicAt(link, params.topic, how));
    throwFailed('growTopic', known, AWAY);
    const there = known.done.filter(({ value }) => value !== null).map(({ set }) => set);
    if (there.length === 0) {
      throw noneHas(params.topic);
    }
    // One that has more already refuses: before another one has got them.
    const most = known.done.reduce((queues, { value }) => Math.max(queues, value?.queues ?? 0), 0);
    const first = most > params.queues ? known.done.find(({ value }) => value?.queues === most) : undefined;
    const outcomes = await this.#sets.each(
      (admin) => admin.growTopic(params, how),
      first === undefined ? there : [first.set],
    );
    throwFailed('growTopic', outcomes, ['TOPIC_NOT_FOUND', ...AWAY]);
    const parts = outcomes.done.map(({ set, value: { before: _before, ...value } }) => ({
      set,
      value: [value],
    }));
    // As they were first: sets tell each other too, so that one may have them by the time that it is asked.
    const grown = new Set(outcomes.done.map(({ set }) => set));
    const before = known.done.reduce(
      (sum, { set, value }) => sum + (grown.has(set) ? (value?.queues ?? 0) : 0),
      0,
    );
    return { ...(mergedTopics(parts)[0] as TopicInfo), before };
  }
}

/** The topic as the set has it; null: it has none. */
async function topicAt(
  { connection }: SetLink,
  topic: string,
  options: CallOptions,
): Promise<TopicInfo | null> {
  try {
    return await connection.requests.call('topicMetadata', { topic }, options);
  } catch (error) {
    if (isRingMQError(error) && error.code === 'TOPIC_NOT_FOUND') {
      return null;
    }
    throw error;
  }
}

async function createAt(
  link: SetLink,
  topic: NewTopic,
  createdTime: number | null,
  admin: ControlAdmin,
  options: CallOptions,
): Promise<TopicInfo> {
  try {
    return await admin.createTopic(topic, options, createdTime);
  } catch (error) {
    const there =
      isRingMQError(error) && error.code === 'TOPIC_EXISTS' && createdTime !== null
        ? await topicAt(link, topic.topic, options)
        : null;
    if (there?.createdTime === createdTime && there !== null) {
      return there;
    }
    throw error;
  }
}

function noneHas(topic: string): RingMQError {
  return new RingMQError(
    'TOPIC_NOT_FOUND',
    `no broker set of the cluster that answers has the topic '${topic}'`,
    {
      details: { topic },
    },
  );
}
