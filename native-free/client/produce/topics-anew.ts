/** Topics as another opening of a broker has them. */
import type { RingMQError, TopicInfo } from '../../wire/index.js';
import { pause } from '../abort.js';
import type { BrokerLink } from '../brokers.js';
import { asRingMQError } from '../failures.js';

/** Between two tries to learn what has become of a topic. */
const LOOK_UP_AGAIN_MS = 250;

/** Topics as they are now, by name, or why one cannot be had; null when the link has gone meanwhile, the next one asks anew. */
export async function topicsAnew(
  { connection, topics: cache }: BrokerLink,
  topics: ReadonlySet<string>,
  isClosed: () => boolean,
): Promise<Map<string, TopicInfo | RingMQError> | null> {
  const { requests } = connection;
  const { link } = requests;
  const found = new Map<string, TopicInfo | RingMQError>();
  const isOver = () => requests.link !== link || isClosed();
  /** What may pass is waited for: batches have their own time limit. */
  const lookUp = async (topic: string): Promise<TopicInfo | RingMQError> => {
    for (;;) {
      try {
        return await cache.lookUp(topic);
      } catch (error) {
        const failure = asRingMQError(error);
        if (!failure.retryable || isOver()) {
          return failure;
        }
        await pause(LOOK_UP_AGAIN_MS);
      }
    }
  };
  await Promise.all(
    [...topics].map(async (topic) => {
      found.set(topic, await lookUp(topic));
    }),
  );
  return requests.link === link && connection.isOpen ? found : null;
}
