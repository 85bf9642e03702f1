/** A loop over batches: begins reading with the first wish for one, and leaves the group when it is left. */
import { abortError, throwIfAborted, whenAborted } from '../abort.js';
import { oneAtATime } from './one-at-a-time.js';
import type { ReceivedBatch } from './received-batch.js';

export const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };

/** What a loop is over. */
export interface LoopSource<B> {
  /** Begins reading. Throws when it cannot. */
  start(): void;
  tryNext(): B | null;
  /** Waits for a batch; null at the end. */
  next(): Promise<B | null>;
  /** null: a plain end. Whoever waits for a batch is told. */
  endWith(error: Error | null): void;
  /** Commits and leaves the group. */
  leave(): Promise<void>;
}

export function batchLoop<B = ReceivedBatch>(
  source: LoopSource<B>,
  signals: readonly AbortSignal[],
): AsyncIterableIterator<B, undefined, undefined> {
  let unwatch: (() => void)[] = [];
  let isStarted = false;
  let isOver = false;
  const finish = async (): Promise<IteratorReturnResult<undefined>> => {
    if (isOver) {
      return DONE;
    }
    isOver = true;
    if (!isStarted) {
      return DONE;
    }
    for (const stop of unwatch) {
      stop();
    }
    // A `next` may be waiting while its loop is left: it comes to its end, too.
    source.endWith(null);
    await source.leave();
    return DONE;
  };
  const start = () => {
    for (const signal of signals) {
      throwIfAborted(signal);
    }
    source.start();
    isStarted = true;
    unwatch = signals.map((signal) => whenAborted(signal, () => source.endWith(abortError(signal))));
  };
  const next = oneAtATime(async (): Promise<IteratorResult<B, undefined>> => {
    if (isOver) {
      return DONE;
    }
    try {
      if (!isStarted) {
        start();
      }
      const batch = source.tryNext() ?? (await source.next());
      return batch === null ? finish() : { value: batch, done: false };
    } catch (error) {
      await finish();
      throw error;
    }
  });
  const iterator: AsyncIterableIterator<B, undefined, undefined> = {
    next,
    return: finish,
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}
