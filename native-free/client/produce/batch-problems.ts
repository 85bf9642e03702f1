/** Why a batch is not stored, in words: its time is over, the broker refuses it, or its topic is another one by now. */
import { RECORDS_AT } from '../../batch/batch-builder.js';
import { BATCH_ATTRIBUTE, type ErrorCode, RingMQError, type TopicInfo } from '../../wire/index.js';
import type { SendBatch } from './send-batch.js';

/** For the details of an error about the batch. */
export function describe(batch: SendBatch): Record<string, unknown> {
  return {
    topic: batch.topic,
    queueId: batch.queueId,
    messages: batch.builder.count,
    bytes: batch.builder.at - RECORDS_AT,
    flush: askedFlush(batch.attributes),
  };
}

/** It was refused for good. */
export function refusalOf(batch: SendBatch, code: ErrorCode): RingMQError {
  const message =
    code === 'SEQUENCE_UNKNOWN'
      ? 'the batch was sent before its connection was lost, and the broker does not remember whether it stored it; it may be there'
      : undefined;
  return new RingMQError(code, message, { details: describe(batch) });
}

/** Its time is over. `trouble`: why there is no link, while there is none. */
export function timeoutOf(batch: SendBatch, timeoutMs: number, trouble: RingMQError | null): RingMQError {
  const { refusal } = batch;
  const details = describe(batch);
  if (refusal !== null) {
    const message = `${refusal.message}; still so after ${timeoutMs} ms`;
    return new RingMQError(refusal.code, message, { cause: refusal, details });
  }
  const why = trouble === null ? '' : `; there is no connection: ${trouble.message}`;
  return new RingMQError('TIMEOUT', `no ack within ${timeoutMs} ms${why}`, {
    ...(trouble === null ? {} : { cause: trouble }),
    details,
  });
}

/** What keeps a batch from going to the topic as it is now; null: nothing. */
export function addressProblem(
  batch: SendBatch,
  info: TopicInfo | undefined,
  isOtherBroker: boolean,
): RingMQError | null {
  const details = { topic: batch.topic, queueId: batch.queueId };
  if (info === undefined) {
    return new RingMQError('TOPIC_NOT_FOUND', undefined, { details });
  }
  if (info.topicId === batch.topicId && !isOtherBroker) {
    return null;
  }
  if (!isOtherBroker && batch.sendCount > 0) {
    return new RingMQError(
      'TOPIC_NOT_FOUND',
      `${batch.topic} was deleted and made again while the batch was under way; the old one may have had it`,
      { details },
    );
  }
  if (batch.queueId >= info.queues) {
    return new RingMQError('QUEUE_NOT_FOUND', `${batch.topic} has ${info.queues} queues there`, {
      details: { ...details, limit: info.queues, value: batch.queueId },
    });
  }
  if (info.memory && batch.attributes !== 0) {
    return new RingMQError(
      'NOT_SUPPORTED',
      `${batch.topic} is a memory topic there, it has no disk to flush to`,
      {
        details,
      },
    );
  }
  return null;
}

/** The policy asked for; undefined: the broker's own. */
function askedFlush(attributes: number): 'sync' | 'async' | undefined {
  if ((attributes & BATCH_ATTRIBUTE.syncFlush) !== 0) {
    return 'sync';
  }
  return (attributes & BATCH_ATTRIBUTE.asyncFlush) !== 0 ? 'async' : undefined;
}
