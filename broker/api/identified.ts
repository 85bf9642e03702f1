/**
 * Publishing that may be tried again: who names a producer and a sequence is answered the same receipt when the same message
 * comes again, and nothing is stored twice. The broker's own table of producers tells it, which outlives restarts.
 */
import { createHash } from 'node:crypto';
import {
  ChosenId,
  type OutgoingMessage,
  type SendOptions,
  shardingHash,
} from '../../native-free/client/internal.js';
import { isRingMQError, type Receipt, RingMQError } from '../../native-free/wire/index.js';
import type { Caller } from './callers.js';
import { badParameter } from './http-errors.js';
import type { Call } from './operation.js';

const MAX_PRODUCER_CHARACTERS = 255;
const MAX_SEQUENCE = 2 ** 32 - 1;

export interface Identity {
  readonly producer: string;
  readonly sequence: number;
}

/** null: nothing is said of it. @throws RingMQError BAD_REQUEST */
export function identityOf(headers: Readonly<Record<string, string>>): Identity | null {
  const producer = headers['ringmq-producer'];
  const sequence = headers['ringmq-sequence'];
  if (producer === undefined && sequence === undefined) {
    return null;
  }
  if (producer === undefined || producer === '' || producer.length > MAX_PRODUCER_CHARACTERS) {
    throw badParameter(
      'RingMQ-Producer',
      `must be 1 to ${MAX_PRODUCER_CHARACTERS} characters, and goes with RingMQ-Sequence`,
    );
  }
  const number = Number(sequence);
  if (sequence === undefined || !/^\d{1,10}$/.test(sequence) || number < 1 || number > MAX_SEQUENCE) {
    throw badParameter(
      'RingMQ-Sequence',
      `must be a whole number of 1 to ${MAX_SEQUENCE}, and goes with RingMQ-Producer`,
    );
  }
  return { producer, sequence: number };
}

/** Two users that name a producer alike are two producers; one user is the same from everywhere. */
export async function sendAs(
  { caller, exchange }: Call<Caller>,
  { producer: name, sequence }: Identity,
  message: OutgoingMessage,
  options: SendOptions,
): Promise<Receipt> {
  const hash = createHash('sha256')
    .update(JSON.stringify(['http', caller.user, name]))
    .digest();
  const send = async (queueId: number | undefined): Promise<Receipt> => {
    // 0 would mean a producer that the broker does not check.
    const id = new ChosenId(hash.readUInt32LE(0) || 1, hash.readUInt32LE(4), sequence);
    const producer = caller.client.producerAs(id, { group: 'http' });
    try {
      return await producer.send(message, queueId === undefined ? options : { ...options, queueId });
    } finally {
      producer.close().catch(() => {});
    }
  };
  if (options.queueId !== undefined) {
    return send(options.queueId).catch((error: unknown) => {
      throw isUnknown(error) ? unknownSequence(name, sequence, error) : error;
    });
  }
  const { topic, shardingKey } = message;
  const { queues } = await caller
    .connection()
    .requests.call('topicMetadata', { topic }, { signal: exchange.signal, onlyNow: true });
  // The same the next time: in another queue it would be another message.
  const choice = shardingKey === undefined ? sequence : shardingHash(shardingKey);
  try {
    return await send(choice % queues);
  } catch (error) {
    if (!isUnknown(error)) {
      throw error;
    }
    // The number is taken, so nothing is stored by trying: either it is told to be the same message, or it is refused again.
    for (const queueId of queuesBefore(choice, queues)) {
      exchange.signal.throwIfAborted();
      try {
        return await send(queueId);
      } catch (other) {
        if (!isUnknown(other)) {
          throw other;
        }
      }
    }
    throw unknownSequence(name, sequence, error);
  }
}

function isUnknown(error: unknown): error is RingMQError {
  return isRingMQError(error) && error.code === 'SEQUENCE_UNKNOWN';
}

function unknownSequence(producer: string, sequence: number, cause: RingMQError): RingMQError {
  return new RingMQError(
    'SEQUENCE_UNKNOWN',
    `number ${sequence} of producer '${producer.slice(0, 64)}' was used for another message, or is too old to tell; nothing was stored now`,
    { details: { ...cause.details, sequence }, cause },
  );
}

/** Of a topic that has grown often, or much. */
const MAX_QUEUES_TRIED = 64;

/** Where the message may be that was sent when the topic had fewer queues, the likely counts first. */
function queuesBefore(choice: number, queues: number): Set<number> {
  const places = new Set<number>();
  const add = (count: number): void => {
    if (
      count >= 1 &&
      count < queues &&
      places.size < MAX_QUEUES_TRIED &&
      choice % count !== choice % queues
    ) {
      places.add(choice % count);
    }
  };
  for (let count = queues >> 1; count >= 1; count >>= 1) {
    add(count);
  }
  for (let less = 1; less <= 16; less++) {
    add(queues - less);
  }
  for (let count = 1; count < queues && places.size < MAX_QUEUES_TRIED; count++) {
    add(count);
  }
  return places;
}
