/** Tag filters applied by the consumer: exactly, where the broker only leaves out batches without a chance. */

import { encodeUtf8 } from '../../batch/text.js';
import { parseTagFilter, RingMQError } from '../../wire/index.js';

/** A parsed tag expression. */
export class TagFilter {
  /** As sent to the broker: tags in their order, once each, or `*`. */
  readonly expression: string;
  /** null: everything matches. */
  readonly #tags: readonly Uint8Array[] | null;

  constructor(tags: readonly string[] | null) {
    this.expression = tags === null ? '*' : tags.join(' || ');
    this.#tags = tags === null ? null : tags.map(encodeUtf8);
  }

  get matchesAll(): boolean {
    return this.#tags === null;
  }

  /** Does the tag in `bytes` from `at` match? `length` 0, no tag, matches `*` only. */
  matches(bytes: Uint8Array, at: number, length: number): boolean {
    const tags = this.#tags;
    if (tags === null) {
      return true;
    }
    for (let i = 0; i < tags.length; i++) {
      const tag = tags[i] as Uint8Array;
      if (tag.length === length && sameBytes(tag, bytes, at)) {
        return true;
      }
    }
    return false;
  }
}

function sameBytes(tag: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < tag.length; i++) {
    if (tag[i] !== bytes[at + i]) {
      return false;
    }
  }
  return true;
}

/** Parses `a || b`, or `*` (also absent or empty) for everything. Throws `BAD_FILTER` with the reason. */
export function parseFilter(expression: string | undefined): TagFilter {
  if (expression === undefined) {
    return new TagFilter(null);
  }
  if (typeof expression !== 'string') {
    throw new RingMQError('BAD_FILTER', `a filter must be a string, not ${typeof expression}`);
  }
  return new TagFilter(parseTagFilter(expression));
}
