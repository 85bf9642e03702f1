import { TagFilter } from '../../../native-free/client/internal.js';
import { parseTagFilter, tagBloomBit, tagFilterBloom } from '../../../native-free/wire/index.js';
import { type MicroCase, type MicroSuite, sink } from '../micro-case.js';

const TAGS = ['paid', 'refunded', 'shipped', 'cancelled'].map((tag) => new TextEncoder().encode(tag));
const COUNT = 1000;

/** Tag filters: the expression, what the broker compares a batch with, and the consumer's exact match of a record. */
export const filterSuite: MicroSuite = {
  name: 'filter',
  open: () => [
    matching('match a tag, filter of one', ['paid']),
    matching('match a tag, filter of four', ['a', 'b', 'c', 'shipped']),
    {
      name: 'bloom bit of a tag',
      unit: 'tag',
      count: COUNT,
      run: () => {
        let sum = 0;
        for (let i = 0; i < COUNT; i++) {
          sum += tagBloomBit(TAGS[i & 3] as Uint8Array);
        }
        sink.value = sum;
      },
    },
    {
      name: 'parse an expression of four tags, with its bloom',
      unit: 'expression',
      count: 1,
      run: () => {
        const tags = parseTagFilter('paid || refunded || shipped || cancelled');
        sink.value = [tags, tagFilterBloom(TAGS)];
      },
    },
  ],
};

function matching(name: string, tags: readonly string[]): MicroCase {
  const filter = new TagFilter(tags);
  const run = (): void => {
    let matched = 0;
    for (let i = 0; i < COUNT; i++) {
      const tag = TAGS[i & 3] as Uint8Array;
      if (filter.matches(tag, 0, tag.length)) {
        matched++;
      }
    }
    sink.value = matched;
  };
  return { name, unit: 'record', count: COUNT, run };
}
