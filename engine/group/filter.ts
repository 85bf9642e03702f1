/** Tag filter expressions (wire/filter.ts has their grammar), as a group compares them. */
import { parseTagFilter } from '../../native-free/wire/index.js';

/**
 * The same filter always written the same way, so that two members' can be compared: tags sorted, each once.
 * @throws RingMQError BAD_FILTER naming what is wrong with it.
 */
export function normalizeFilter(expression: string): string {
  const tags = parseTagFilter(expression);
  return tags === null ? '*' : tags.sort().join(' || ');
}
