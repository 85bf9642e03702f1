/** What travels between the page and a host's own server. */
import { describe, expect, it } from 'vitest';
import { fromJson, toJson } from '../../native-free/dashboard/desk/index.js';

describe('a call as JSON', () => {
  it.each([
    ['bytes', new Uint8Array([0, 255, 128])],
    ['no bytes', new Uint8Array()],
    ['numbers that JSON has not', [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
    ['a property that is called as bytes are', { $bytes: 'text', more: 1 }],
    ['that alone', { properties: { $bytes: 'AAAA' } }],
    ['one that is called as numbers are', { $number: 'NaN' }],
    ['one with more marks', { $$bytes: 'AAAA', $: 1 }],
    ['nothing', [null, true, 'text', {}]],
  ])('comes back as it was: %s', (_what, value) => {
    expect(fromJson(toJson(value))).toEqual(value);
  });

  it('has a property of any name', () => {
    const value: unknown = JSON.parse('{"__proto__":{"a":1},"constructor":2}');
    const back = fromJson(toJson(value)) as object;
    expect(Object.entries(back)).toEqual(Object.entries(value as object));
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  });

  it('is refused where its bytes are none', () => {
    expect(() => fromJson('{"$bytes":"%"}')).toThrow(SyntaxError);
  });
});
