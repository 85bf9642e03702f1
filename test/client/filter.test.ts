import { describe, expect, test } from 'vitest';
import { parseFilter } from '../../native-free/client/internal.js';

const encoder = new TextEncoder();

function matches(expression: string, tag: string): boolean {
  const bytes = encoder.encode(tag);
  return parseFilter(expression).matches(bytes, 0, bytes.length);
}

describe('tag expressions', () => {
  test('match exactly the tags they name', () => {
    expect(matches('paid || refunded', 'refunded')).toBe(true);
    expect(matches('paid||refunded', 'paid')).toBe(true);
    expect(matches('paid', 'pai')).toBe(false);
    expect(matches('paid', 'paid2')).toBe(false);
    expect(matches('grün', 'grün')).toBe(true);
    expect(matches('paid', '')).toBe(false);
    expect(matches(' * ', '')).toBe(true);
    expect(parseFilter(undefined).matchesAll).toBe(true);
    expect(parseFilter('').matchesAll).toBe(true);
    expect(parseFilter(' a||b || a ').expression).toBe('a || b');
  });

  test.each([
    ['a ||', 'missing'],
    ['|| a', 'missing'],
    ['a || || b', 'missing'],
    ['a | b', 'single |'],
    ['a || *', 'stands alone'],
    ['x'.repeat(128), 'limit is 127'],
    [Array.from({ length: 65 }, (_, i) => `t${i}`).join('||'), 'limit is 64'],
  ])('%j is refused with the reason', (expression, reason) => {
    expect(() => parseFilter(expression)).toThrow(
      expect.objectContaining({ code: 'BAD_FILTER', message: expect.stringContaining(reason) }),
    );
  });
});
