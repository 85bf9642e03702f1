/**
 * One message inside a batch. Records stand one behind the other without padding, little-endian.
 *
 *        0        4           8       9         10                12
 *        ┌────────┬───────────┬───────┬─────────┬─────────────────┬─────┬────────────┬────────┐
 *        │ length │ born delta│ flags │ tagBytes│ attributesBytes │ tag │ attributes │ body … │
 *        └────────┴───────────┴───────┴─────────┴─────────────────┴─────┴────────────┴────────┘
 *
 * - length (u32): the whole record, these 12 bytes included. The body's length is what remains.
 * - born delta (i32): milliseconds from the batch's born time to this record's.
 * - flags (u8): {@link RECORD_FLAG}. No body and an empty body differ by `hasBody`; with it clear the body is 0 bytes.
 * - tagBytes (u8), then the tag in UTF-8; 0 = no tag (an empty tag does not exist).
 * - attributesBytes (u16): length of a run of entries, each `kind u8, …`:
 *     1 key           u8 length, UTF-8
 *     2 sharding key  u8 length, UTF-8                       (at most one)
 *     3 property      u8 length, UTF-8 name; then a value:
 *                       type u8: 1 string  u16 length, UTF-8
 *                                2 number  f64
 *                                3 boolean u8 (0 or 1)
 *                                4 bytes   u16 length, bytes
 *   Keys come in their order, property names are unique.
 */

export const RECORD_HEADER_BYTES = 12;

export const RECORD = { length: 0, bornDelta: 4, flags: 8, tagBytes: 9, attributesBytes: 10 } as const;

/** Bits not named here must be zero. */
export const RECORD_FLAG = { hasBody: 1 << 0 } as const;

export const ATTRIBUTE_KIND = { key: 1, shardingKey: 2, property: 3 } as const;
export const PROPERTY_TYPE = { string: 1, number: 2, boolean: 3, bytes: 4 } as const;
