/**
 * A frame: one binary WebSocket message. A fixed header of 16 bytes, little-endian, then a payload.
 *
 *        0        1       2          4       8                16
 *        ┌────────┬───────┬──────────┬───────┬────────────────┬─────────────
 *        │ opcode │ flags │ zero u16 │ id    │ value u64      │ payload …
 *        └────────┴───────┴──────────┴───────┴────────────────┴─────────────
 *
 * 16, so that a batch behind it is 8-byte aligned. Control payloads are MessagePack maps (control.ts);
 * batches are raw bytes (batch-layout.ts), each begun at a multiple of 64 from the payload's start, so that a
 * stretch of the log is a payload as it lies; the last may end at its length. In `deliver` frames pads may
 * stand between batches and are skipped.
 */

export const FRAME_HEADER_BYTES = 16;
export const FRAME = { opcode: 0, flags: 1, zero: 2, id: 4, value: 8 } as const;

/** The WebSocket subprotocol both sides must name. */
export const SUBPROTOCOL = 'ringmq.v1';
export const PROTOCOL_VERSION = 1;

export const OPCODE = {
  /** client → broker, first frame. Payload: Hello. */
  hello: 1,
  /** broker → client, its answer. Payload: Welcome. `value`: the first produce credit limit, as in `credit`. */
  welcome: 2,
  /** client → broker. `id`: the request's number, chosen by the client. Payload: { method, …parameters }. */
  request: 3,
  /** broker → client. `id`: the request's. Flag `failed`: payload is an ErrorBody, else the result. */
  response: 4,
  /** client → broker. Payload: one or more batches. `id`: number of the first batch, the next has id + 1 (mod 2^32), and so on. */
  produce: 5,
  /** broker → client. Payload: ack entries (below), in any order. `value`: produce credit limit. */
  ack: 6,
  /** broker → client. `id`: the consumer's. Payload: one or more stamped batches, in offset order within a queue. */
  deliver: 7,
  /**
   * A window, as a running total of bytes of produce or deliver frames (headers included) since the
   * connection (or the consumer) began, modulo nothing: it only grows. broker → client: `id` 0, `value` =
   * bytes of produce frames the client may have sent in all. client → broker: `id` = the consumer's, `value`
   * = bytes of deliver frames it may be sent in all. Beyond it: a client that has nothing unacked may send
   * one frame of any legal size; and a batch that does not fit into what a consumer has left is delivered
   * alone, as long as anything is left.
   */
  credit: 8,
  /** broker → client, last frame before the close. Payload: ErrorBody. */
  error: 9,
  /** broker → client, unasked. Payload: one of the events in control.ts. `id`: the consumer's, or 0. */
  event: 10,
  /** Either way; answered by `pong` with the same id. For clients whose platform hides WebSocket pings. */
  ping: 11,
  pong: 12,
  /**
   * broker → client. `id`: the consumer's; payload: u32 topicId, u32 queueId, u64 offset: all of the queue
   * before `offset` that was not delivered is filtered out or gone.
   */
  skip: 13,
  /** broker → client, the answer to a hello with credentials, where the broker asks for them. Payload: ScramChallenge. */
  challenge: 14,
  /** client → broker, its answer; `welcome` follows. Payload: ScramProof. */
  proof: 15,
} as const;

export const FRAME_FLAG = {
  /** on `response`. */
  failed: 1 << 0,
} as const;

/**
 * An ack entry, 32 bytes:
 *
 *        0       4        6           7       8             16          24           32
 *        ┌───────┬────────┬───────────┬───────┬─────────────┬───────────┬────────────┐
 *        │ id    │ status │ durability│ flags │ base offset │ position  │ store time │
 *        └───────┴────────┴───────────┴───────┴─────────────┴───────────┴────────────┘
 *
 * `status` 0 is SEND_OK; otherwise a wire number of the error table (errors.ts) and the rest but id is 0.
 * `durability` is the level reached when the entry was made, never above what holds.
 */
export const ACK_ENTRY_BYTES = 32;
export const ACK_ENTRY = {
  id: 0,
  status: 4,
  durability: 6,
  flags: 7,
  baseOffset: 8,
  position: 16,
  storeTime: 24,
} as const;
/** Bit of an ack entry's flags: this batch was already stored by an earlier try; the answer names that one. */
export const ACK_FLAG_DUPLICATE = 1 << 0;
/** Bits 4 to 7 of an ack entry's flags: how many slaves had the batch when it was acked. 0 where sends do not wait for slaves. */
export const ACK_REPLICAS_SHIFT = 4;

/** Levels an ack names. */
export const DURABILITY = { memory: 0, 'page-cache': 1, disk: 2 } as const;
export type Durability = keyof typeof DURABILITY;
export const DURABILITY_NAMES: readonly Durability[] = ['memory', 'page-cache', 'disk'];
