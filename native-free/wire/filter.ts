/**
 * Tag filters, as consumers write them: `paid || refunded`, or `*` for everything.
 *
 *     expression = "*" | "" | tag { "||" tag }
 *
 * Blanks around a tag do not count. A tag in an expression has no `|` and is not `*`.
 */
import { tagBloomBit } from './batch-layout.js';
import { RingMQError } from './errors.js';
import { MAX_FILTER_BYTES, MAX_FILTER_TAGS, MAX_TAG_BYTES } from './limits.js';

/**
 * The tags an expression names, each once, in their order; null when it lets everything through.
 * Throws BAD_FILTER, naming what is wrong with it.
 */
export function parseTagFilter(expression: string): string[] | null {
  // The length first: it is in UTF-16 units, never more than bytes, and costs nothing.
  const bytes = expression.length > MAX_FILTER_BYTES ? expression.length : utf8Length(expression);
  if (bytes > MAX_FILTER_BYTES) {
    throw badFilter(`it has over ${MAX_FILTER_BYTES} bytes`, expression, {
      limit: MAX_FILTER_BYTES,
      value: bytes,
    });
  }
  const text = expression.trim();
  if (text === '' || text === '*') {
    return null;
  }
  const tags = new Set<string>();
  for (const part of text.split('||')) {
    tags.add(checkTag(part.trim(), expression));
  }
  if (tags.size > MAX_FILTER_TAGS) {
    throw badFilter(`it names ${tags.size} tags, the limit is ${MAX_FILTER_TAGS}`, expression, {
      limit: MAX_FILTER_TAGS,
      value: tags.size,
    });
  }
  return [...tags];
}

/**
 * The two words of a bloom that has the bits of all these tags (each in UTF-8): what a batch's tag bloom is
 * compared with. Both are -1, which lets every batch through, when `tags` is null.
 */
export function tagFilterBloom(tags: readonly Uint8Array[] | null): { low: number; high: number } {
  if (tags === null) {
    return { low: -1, high: -1 };
  }
  let low = 0;
  let high = 0;
  for (const tag of tags) {
    const bit = tagBloomBit(tag);
    if (bit < 32) {
      low |= 1 << bit;
    } else {
      high |= 1 << (bit - 32);
    }
  }
  return { low, high };
}

function checkTag(tag: string, expression: string): string {
  if (tag === '') {
    throw badFilter('a tag is missing beside ||', expression);
  }
  if (tag === '*') {
    throw badFilter('* stands alone', expression);
  }
  if (tag.includes('|')) {
    throw badFilter(`"${tag.slice(0, 40)}" has a single |; tags are joined by ||`, expression);
  }
  const bytes = utf8Length(tag);
  if (bytes > MAX_TAG_BYTES) {
    throw badFilter(`a tag has ${bytes} bytes, the limit is ${MAX_TAG_BYTES}`, expression, {
      limit: MAX_TAG_BYTES,
      value: bytes,
    });
  }
  return tag;
}

function badFilter(why: string, expression: string, bound?: { limit: number; value: number }): RingMQError {
  return new RingMQError('BAD_FILTER', `the filter expression is malformed: ${why}`, {
    details: { filter: expression.slice(0, 200), ...bound },
  });
}

/** Bytes of a string in UTF-8; this room knows no TextEncoder. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
