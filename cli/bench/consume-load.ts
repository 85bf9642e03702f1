import type { Client, MessageBatch } from '../../native-free/client/index.js';
import { clearTimeout, monotonicMs, setTimeout } from '../../native-free/time/index.js';
import { isRingMQError, RingMQError } from '../../native-free/wire/index.js';
import type { LatencyRecorder } from './latency.js';
import { writtenAt } from './stamp.js';

/** A consumer that hears nothing for so long has nothing to come. */
const SILENCE_MS = 10_000;

export interface ConsumeLoad {
  topic: string;
  /** Ends when so many were received; may be lowered while it runs. */
  goal: { count: number };
  /** Ends then without an error, however few were received. */
  end: AbortSignal;
  from: 'earliest' | 'latest';
  /** Only batches of this run count, timed from the write of their oldest message to receipt; null: all count, none is timed. */
  run: number | null;
  latency: LatencyRecorder | null;
  onProgress: (more: number) => void;
  /** Called when the queues are assigned: what is produced from then on will be seen. */
  onAssigned?: () => void;
}

export interface Consumed {
  count: number;
  bytes: number;
  /** From the call that joins the group to the last message. */
  seconds: number;
  /** On `performance.now()`'s clock. */
  lastAt: number;
}

/**
 * Reads as many messages as its goal in a fresh group by `batches()`, looking at every message. Throws
 * `TIMEOUT` after ten seconds without one.
 */
export async function consumeLoad(client: Client, load: ConsumeLoad): Promise<Consumed> {
  const group = `ringmq-bench-${process.pid}-${Date.now().toString(36)}`;
  const consumer = client.consumer({ group, topic: load.topic, from: load.from });
  if (load.onAssigned !== undefined) {
    void consumer.assigned.then(load.onAssigned);
  }
  const silence = new AbortController();
  const timer = setTimeout(() => {
    // Who reads for a time, or until somebody has written all, also reads through a silence.
    if (Number.isFinite(load.goal.count)) {
      silence.abort();
    } else {
      timer.refresh();
    }
  }, SILENCE_MS);
  const startedAt = monotonicMs();
  const result: Consumed = { count: 0, bytes: 0, seconds: 0, lastAt: startedAt };
  try {
    for await (const batch of consumer.batches({ signal: AbortSignal.any([silence.signal, load.end]) })) {
      timer.refresh();
      if (load.run === null || isOwn(batch, load.run, load.latency)) {
        for (const message of batch) {
          result.count++;
          result.bytes += message.bodyLength;
        }
        load.onProgress(batch.length);
      }
      await batch.ack();
      result.lastAt = monotonicMs();
      if (result.count >= load.goal.count) {
        break;
      }
    }
  } catch (error) {
    if (!load.end.aborted) {
      throw silence.signal.aborted && isRingMQError(error) ? silent(result.count, load) : error;
    }
  } finally {
    clearTimeout(timer);
  }
  if (result.count < load.goal.count && !load.end.aborted) {
    throw silent(result.count, load);
  }
  result.seconds = (result.lastAt - startedAt) / 1000;
  await consumer.close();
  return result;
}

/** A batch is one producer's, so its first message speaks for all: whose run it is, and (being the oldest) how long they took. */
function isOwn(batch: MessageBatch, run: number, latency: LatencyRecorder | null): boolean {
  for (const message of batch) {
    const time = message.body === null ? null : writtenAt(message.body, run);
    if (time === null) {
      return false;
    }
    latency?.record(monotonicMs() - time, batch.length);
    return true;
  }
  return false;
}

function silent(count: number, load: ConsumeLoad): RingMQError {
  const goal = Number.isFinite(load.goal.count) ? ` of ${load.goal.count}` : '';
  return new RingMQError(
    'TIMEOUT',
    `no message for ${SILENCE_MS / 1000} s after ${count}${goal}; produce more, or ask for fewer with --count`,
    { details: { topic: load.topic, count } },
  );
}
