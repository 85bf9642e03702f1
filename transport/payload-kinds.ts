/** What control payloads may have in them, by who says them to whom: bounds of what the decoder has to make. */
import {
  MAX_CONTROL_BYTES,
  MAX_CONTROL_VALUES,
  MAX_QUEUES_PER_TOPIC,
  MAX_REQUEST_TEXT_BYTES,
  MAX_REQUEST_VALUES,
  MAX_TOPIC_PAGE_KEYS,
  QUEUE_LISTS,
} from '../native-free/wire/index.js';

export interface PayloadKind {
  /** Methods whose maps may have more values than {@link MAX_REQUEST_VALUES}. */
  readonly listMethods: ReadonlySet<string>;
  /** Lists of queues become the inspector's lists, and the decoder does not see them. */
  readonly packsLists: boolean;
  /** Values, keys included, that the decoder sees; with those of packed lists there may be {@link MAX_CONTROL_VALUES}. */
  readonly maxValuesCount: number;
  /** Bytes of all texts and binaries that the decoder sees: 4 MB of them take it twenty milliseconds. */
  readonly maxTextBytes: number;
  /** Keys of all maps that the decoder sees. A map of tens of thousands takes a tenth of a second to be made. */
  readonly maxKeysCount: number;
}

export const PAYLOAD: Readonly<Record<'plain' | 'queues' | 'topics', PayloadKind>> = {
  plain: {
    listMethods: new Set(),
    packsLists: false,
    maxValuesCount: MAX_REQUEST_VALUES,
    maxTextBytes: MAX_REQUEST_TEXT_BYTES,
    maxKeysCount: MAX_REQUEST_VALUES,
  },
  /** What clients ask of brokers. */
  queues: {
    listMethods: new Set(Object.keys(QUEUE_LISTS)),
    packsLists: true,
    // A reader may name as many queues as a topic has.
    maxValuesCount: MAX_QUEUES_PER_TOPIC + MAX_REQUEST_VALUES,
    maxTextBytes: MAX_REQUEST_TEXT_BYTES,
    maxKeysCount: MAX_REQUEST_VALUES,
  },
  /** What brokers and clients ask of name servers. */
  topics: {
    listMethods: new Set(['registerTopics']),
    packsLists: false,
    maxValuesCount: MAX_CONTROL_VALUES,
    maxTextBytes: MAX_CONTROL_BYTES,
    maxKeysCount: MAX_TOPIC_PAGE_KEYS,
  },
};
