/** A bound on what a consumer is asked to do, and a code for what its end comes between. */
import { clearTimeout, setTimeout } from '../../time/index.js';
import { isRingMQError, RingMQError } from '../../wire/index.js';
import { Deferred } from '../abort.js';
import type { Brokers } from '../brokers.js';

/** What `work` comes to, or `TIMEOUT` after the time of a request. Whatever it fails with once the consumer is closed, `CLOSED`. */
export async function inTime<T>(
  what: string,
  work: Promise<T>,
  brokers: Brokers,
  isClosed: () => boolean,
): Promise<T> {
  const { requestTimeoutMs } = brokers;
  const late = new Deferred<never>();
  const timer = setTimeout(() => {
    const { trouble } = brokers;
    const why = trouble === null ? '' : `; there is no connection: ${trouble.message}`;
    const message = `no ${what} within ${requestTimeoutMs} ms${why}`;
    late.reject(new RingMQError('TIMEOUT', message, trouble === null ? {} : { cause: trouble }));
  }, requestTimeoutMs);
  try {
    return await Promise.race([work, late.promise]);
  } catch (error) {
    if (isClosed() && isRingMQError(error) && error.code !== 'CLOSED' && error.code !== 'ABORTED') {
      throw new RingMQError('CLOSED', 'the consumer was closed meanwhile', { cause: error });
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
