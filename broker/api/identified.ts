/**
 * Publishing that may be tried again: who names a producer and a sequence is answered the same receipt when the same message
 * comes again, and nothing is stored twice. The broker's own table of producers tells it, which outlives restarts.
 */
import { createHash } from 'node:crypto';
import {
  ChosenId,
  LinkedClient,
  type OutgoingMessage,
  type SendOptions,
} from '../../native-free/client/internal.js';
import type { Receipt } from '../../native-free/wire/index.js';
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
  // 0 would mean a producer that the broker does not check.
  const id = new ChosenId(hash.readUInt32LE(0) || 1, hash.readUInt32LE(4), sequence);
  let { queueId } = options;
  if (queueId === undefined && message.shardingKey === undefined) {
    // The same the next time: of another queue it would be another message.
    const { topic } = message;
    const { requests } = caller.connection();
    const { queues } = await requests.call(
      'topicMetadata',
      { topic },
      {
        signal: exchange.signal,
        onlyNow: true,
      },
    );
    queueId = sequence % queues;
  }
  const producer = LinkedClient.producerAs(caller.client, id, { group: 'http' });
  try {
    return await producer.send(message, queueId === undefined ? options : { ...options, queueId });
  } finally {
    producer.close().catch(() => {});
  }
}
