import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../broker/api/line-splitter.js';
import { parseCount, parseDuration, parseHostPort, parseSize, parseStart } from '../../cli/units.js';

describe('units', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['0s', 0],
    ['30', null],
    ['s', null],
    ['-1s', null],
    ['1 week', null],
  ])('reads %s as %s milliseconds', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    ['100', 100],
    ['100B', 100],
    ['64KiB', 65_536],
    ['1.5MiB', 1_572_864],
    ['1GiB', 1_073_741_824],
    ['1GB', null],
    ['0.3B', null],
    ['many', null],
  ])('reads %s as %s bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it('reads counts, addresses and places', () => {
    expect(parseCount('1_000_000')).toBe(1_000_000);
    expect(parseCount('1e6')).toBeNull();
    expect(parseHostPort('[::1]:0')).toEqual({ host: '::1', port: 0 });
    expect(parseHostPort('localhost:9876')).toEqual({ host: 'localhost', port: 9876 });
    expect(parseHostPort('localhost')).toBeNull();
    expect(parseHostPort('localhost:65536')).toBeNull();
    expect(parseStart('17')).toEqual({ offset: 17 });
    expect(parseStart('2026-01-31T12:00:00Z')).toEqual({ time: Date.UTC(2026, 0, 31, 12) });
    expect(parseStart('yesterday')).toBeNull();
  });
});

describe('lines', () => {
  it.each([1, 2, 3, 5, 100])('are cut at \\n alone, in chunks of %i bytes', (size) => {
    const input = Buffer.from('one\n\r\ntwo\r\n\nthree, unended');
    const splitter = new LineSplitter();
    const lines: string[] = [];
    for (let at = 0; at < input.length; at += size) {
      for (const line of splitter.lines(input.subarray(at, at + size))) {
        lines.push(line.toString());
      }
    }
    lines.push(splitter.last()?.toString() ?? 'nothing');
    expect(lines).toEqual(['one', '\r', 'two\r', '', 'three, unended']);
    expect(splitter.last()).toBeNull();
  });
});
