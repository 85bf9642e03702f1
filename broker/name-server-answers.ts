/** What a name server answers, looked at before a broker acts on it. */
import { isAddress } from '../engine/address.js';
import { configuredOption } from '../engine/control/answers.js';
import {
  type ClusterTopic,
  MAX_EPOCH,
  type NameServerMethods,
  type RegistrationAnswer,
  RingMQError,
} from '../native-free/wire/index.js';

/** @throws RingMQError BAD_FRAME */
export function checkRegistrationAnswer({
  epoch,
  master,
  revision,
  topicsVersion,
}: RegistrationAnswer): void {
  const isMaster =
    master === null ||
    (typeof master === 'object' &&
      typeof master.name === 'string' &&
      typeof master.brokerId === 'string' &&
      typeof master.url === 'string' &&
      isAddress(master.url) &&
      isEpoch(master.epoch));
  const isPlace = (revision === null || isCount(revision)) && isCount(topicsVersion);
  if (!isMaster || !isEpoch(epoch) || !isPlace) {
    throw new RingMQError('BAD_FRAME', 'its answer to registerBroker makes no sense');
  }
}

/** @throws RingMQError BAD_FRAME */
export function checkTopicChanges(answer: NameServerMethods['topicChanges']['result']): void {
  const { version, complete, topics } = answer;
  if (
    !isCount(version) ||
    typeof complete !== 'boolean' ||
    !Array.isArray(topics) ||
    !topics.every(isClusterTopic)
  ) {
    throw new RingMQError('BAD_FRAME', 'its answer to topicChanges makes no sense');
  }
}

/** @throws RingMQError BAD_FRAME */
export function checkConfiguration({ options }: NameServerMethods['configuration']['result']): void {
  if (!Array.isArray(options) || !options.every((option) => configuredOption.safeParse(option).success)) {
    throw new RingMQError('BAD_FRAME', 'its answer to configuration makes no sense');
  }
}

function isClusterTopic({ topic, sets, belongsTo, deletedUpTo }: ClusterTopic): boolean {
  return (
    typeof topic === 'string' &&
    (deletedUpTo === null || isCount(deletedUpTo)) &&
    (belongsTo === null || Array.isArray(belongsTo)) &&
    Array.isArray(sets) &&
    sets.every(
      ({ set, queues, memory, createdTime }) =>
        typeof set === 'string' && isCount(queues) && typeof memory === 'boolean' && isCount(createdTime),
    )
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isEpoch(value: unknown): boolean {
  return isCount(value) && (value as number) <= MAX_EPOCH;
}
