import { expect, test } from 'vitest';
import { normalizeFilter } from '../../engine/group/filter.js';

test('a filter is written one way', () => {
  for (const all of [' * ', '', '  ']) {
    expect(normalizeFilter(all)).toBe('*');
  }
  expect(normalizeFilter('b||a')).toBe('a || b');
  expect(normalizeFilter('a || b || a')).toBe('a || b');
  expect(normalizeFilter('on-time')).toBe('on-time');
  expect(normalizeFilter('grün || 赤')).toBe('grün || 赤');
});

test('a filter that cannot be is refused, with what is wrong', () => {
  for (const filter of ['a ||', '|| a', 'a || || b', '* || a', 'a | b', 'x'.repeat(128)]) {
    expect(() => normalizeFilter(filter)).toThrow(expect.objectContaining({ code: 'BAD_FILTER' }));
  }
  const many = Array.from({ length: 65 }, (_, i) => `t${i}`).join('||');
  expect(() => normalizeFilter(many)).toThrow(
    expect.objectContaining({
      code: 'BAD_FILTER',
      details: expect.objectContaining({ value: 65, limit: 64 }),
    }),
  );
});
