/** How what should not happen comes to the log: told, with where it happened, and not a thousand times. */
import type { BrokerThread } from '../engine/thread/broker-thread.js';
import { RareTeller } from '../native-free/listener/rare-teller.js';

/** For `SessionOptions.onDefect` on `thread`: each kind reaches the broker's `onWarning`, at most once a minute. */
export function defectTeller(thread: BrokerThread): (message: string, error: unknown) => void {
  const teller = new RareTeller((text) => thread.warn(text));
  return (message, error) => {
    const isError = error instanceof Error;
    const what = `${message}: ${isError ? error.message : String(error)}`;
    const where = isError ? (error.stack ?? '').split('\n').find((line) => /^\s+at /.test(line)) : undefined;
    teller.tell(
      what,
      `${what}${where === undefined ? '' : ` (${where.trim()})`}; this is a defect in RingMQ, please report it`,
    );
  };
}
