/** What a producer gives, before it is packed. */

/** A property's value. Numbers travel as float64, bytes up to 64 KiB; NaN and infinities are refused. */
export type PropertyValue = string | number | boolean | Uint8Array;

/** A message as a producer gives it. Limits are in `ringmq/wire` (`MAX_…`); what breaks one is refused, nothing is cut. */
export interface OutgoingMessage {
  topic: string;
  /** Bytes or text (sent as UTF-8). Absent or null: no body, which differs from an empty one. Up to 4 MiB. */
  body?: Uint8Array | string | null | undefined;
  /** At most 127 bytes of UTF-8, not empty. What consumers filter by. */
  tag?: string | undefined;
  /** At most 32, each 1–255 bytes of UTF-8. */
  keys?: readonly string[] | undefined;
  /** At most 64; names 1–127 bytes of UTF-8. */
  properties?: Readonly<Record<string, PropertyValue>> | undefined;
  /** Messages of one sharding key go to one queue, in order. 1–255 bytes of UTF-8. */
  shardingKey?: string | undefined;
  /** When it came to be, milliseconds since 1970, an integer. Default: now; within one turn of the event loop the clock is read for every 32nd message only. */
  bornTime?: number | undefined;
}
