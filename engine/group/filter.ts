/** Tag filter expressions: `*` for all messages, or tags with `||` between them. */
import { MAX_FILTER_TAGS, MAX_TAG_BYTES, RingMQError } from '../../native-free/wire/index.js';

/**
 * The same filter always written the same way, so that two members' can be compared: tags sorted, each once.
 * @throws RingMQError BAD_FILTER naming what is wrong with it.
 */
export function normalizeFilter(expression: string): string {
  if (expression.trim() === '*') {
    return '*';
  }
  const tags = new Set<string>();
  for (const part of expression.split('||')) {
    const tag = part.trim();
    if (tag === '') {
      throw bad(expression, 'an empty tag in it');
    }
    if (tag === '*' || tag.includes('|')) {
      throw bad(expression, `'${shown(tag)}' in it, which is not a tag`);
    }
    const bytes = Buffer.byteLength(tag);
    if (bytes > MAX_TAG_BYTES) {
      throw bad(expression, `a tag of ${bytes} bytes; ${MAX_TAG_BYTES} are allowed`, bytes, MAX_TAG_BYTES);
    }
    tags.add(tag);
  }
  if (tags.size > MAX_FILTER_TAGS) {
    throw bad(expression, `${tags.size} tags; ${MAX_FILTER_TAGS} are allowed`, tags.size, MAX_FILTER_TAGS);
  }
  return [...tags].sort().join(' || ');
}

function bad(expression: string, why: string, value?: number, limit?: number): RingMQError {
  return new RingMQError('BAD_FILTER', `the filter '${shown(expression)}' has ${why}; write * or 'a || b'`, {
    details: { filter: shown(expression), ...(value === undefined ? {} : { value, limit }) },
  });
}

function shown(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
