/**
 * Every bound that both sides of a connection hold to. A client checks them before it sends, the broker
 * checks them again before anything is stored; what breaks one is refused with an error that names the
 * limit and the value.
 */

/** A message body, in bytes. RocketMQ's default. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Tag, keys, sharding key and properties of one message together, encoded, in bytes. */
export const MAX_ATTRIBUTES_BYTES = 32 * 1024;
/** A topic's or group's name, in bytes; its alphabet is {@link NAME_PATTERN}. */
export const MAX_NAME_BYTES = 127;
/** A tag, in bytes of UTF-8. */
export const MAX_TAG_BYTES = 127;
/** Keys on one message. */
export const MAX_KEYS_COUNT = 32;
/** One key, or the sharding key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 255;
/** Properties on one message. */
export const MAX_PROPERTIES_COUNT = 64;
/** The name of a property, in bytes of UTF-8. */
export const MAX_PROPERTY_NAME_BYTES = 127;
/** Records in one batch. */
export const MAX_BATCH_RECORDS = 65_535;
/** A batch with its header: one message of the largest size fits, with all its attributes. */
export const MAX_BATCH_BYTES = MAX_BODY_BYTES + 64 * 1024;
/** One WebSocket message, frame header included. */
export const MAX_FRAME_BYTES = MAX_BATCH_BYTES + 64 * 1024;
/** The MessagePack payload of a control frame. */
export const MAX_CONTROL_BYTES = 4 * 1024 * 1024;
/** What a client calls itself in hello, in bytes of UTF-8. */
export const MAX_CLIENT_NAME_BYTES = 127;
/** Optional parts of the protocol that a hello may name. */
export const MAX_FEATURES_COUNT = 64;
/**
 * A producer's batches without an ack: how far the newest sequence may be ahead of the oldest one that waits,
 * plus one. The broker keeps so many to tell duplicates.
 */
export const MAX_UNACKED_BATCHES = 64;
/** A group member's id, in bytes; its alphabet is A–Z a–z 0–9 . _ -. */
export const MAX_MEMBER_ID_BYTES = 64;
/**
 * Values in one map of a client, keys included, where it names queues or topics: a reader that names 16,384
 * and where it was on each has under 132,000.
 */
export const MAX_CONTROL_VALUES = 147_456;
/** The same in every other map of a client. */
export const MAX_REQUEST_VALUES = 1_024;
/**
 * Texts and binaries of one request to a broker, keys not included, in bytes; one alone counts for 32 KiB at
 * most. The largest that makes sense has a filter and 64 sets.
 */
export const MAX_REQUEST_TEXT_BYTES = 128 * 1024;
/** Keys in the maps of a request to a name server, which has a map for each of 1,024 topics and as many tombstones: 8,000 or so. */
export const MAX_TOPIC_PAGE_KEYS = 16_384;
/** Maps and lists in each other in one control payload. */
export const MAX_CONTROL_DEPTH = 16;
/** Queues of a topic that is made without saying how many. */
export const DEFAULT_QUEUES = 4;
/** Queues of one topic. */
export const MAX_QUEUES_PER_TOPIC = 16_384;
/** Tags in one filter expression. */
export const MAX_FILTER_TAGS = 64;
/** A filter expression as it was written, in bytes of UTF-8: as many tags as it may have fit, with blanks around them. */
export const MAX_FILTER_BYTES = 16 * 1024;
/** Consumers (members of groups) on one connection. */
export const MAX_CONSUMERS_PER_CONNECTION = 1_024;
/** Control requests of one connection that wait for their answer. */
export const MAX_REQUESTS_IN_FLIGHT = 1_024;

/** Topic and group names: `%` is kept for the broker's own. */
export const NAME_PATTERN = /^[A-Za-z0-9._/-]{1,127}$/;

/** Clusters that one name server knows. */
export const MAX_CLUSTERS = 64;
/** Broker sets of one cluster. */
export const MAX_SETS_PER_CLUSTER = 256;
/** Brokers of one set: a master, its slaves, and one that is about to take over. */
export const MAX_BROKERS_PER_SET = 16;
/** Topics of one broker that a name server keeps; tombstones as many again. */
export const MAX_REGISTERED_TOPICS = 131_072;
/** Topics, and tombstones, in one `registerTopics`. */
export const MAX_TOPICS_PER_PAGE = 2_048;
/** Sets that a topic may be kept to. */
export const MAX_SETS_PER_TOPIC = 64;
/** A topic's own retention: a second to ten years of 365 days, ms. */
export const MIN_TOPIC_RETENTION_MS = 1_000;
export const MAX_TOPIC_RETENTION_MS = 315_360_000_000;
/** A broker's address, in characters. */
export const MAX_URL_CHARACTERS = 512;
/** The last term of a master. */
export const MAX_EPOCH = 0xffff_ffff;
/** The last time that a topic may have been made at, in milliseconds since 1970: as far as dates go. */
export const MAX_TIME_MS = 8.64e15;
