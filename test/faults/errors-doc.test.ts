/** Every error code is documented as it is, and is raised somewhere. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode } from '../../native-free/wire/index.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SOURCES = ['engine', 'transport', 'broker', 'cli', 'native-free'];
const CODES = Object.keys(ERRORS) as ErrorCode[];

const rows = new Map(
  readFileSync(`${ROOT}/docs/errors.md`, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      return [cells[1]?.replaceAll('`', ''), cells] as const;
    }),
);

/** The sources without their comments. */
const source = SOURCES.flatMap((dir) =>
  readdirSync(`${ROOT}/${dir}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(`${ROOT}/${dir}/${name}`, 'utf8')),
)
  .join('\n')
  .replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

/** Made as an error, said by a session, a consumer or an upgrade's refusal, or given as a number. */
function isRaised(code: ErrorCode): boolean {
  return new RegExp(
    `(RingMQError|[fF]ail|ended|notSupported)\\((this, )?\\s*'${code}'|ERRORS\\.${code}\\.wire|\`${code}: |code: '${code}'`,
  ).test(source);
}

describe('docs/errors.md', () => {
  it('has all codes and no others', () => {
    expect([...rows.keys()].sort()).toEqual([...CODES].sort());
  });

  it.each(CODES)('says of %s what the table says', (code) => {
    const [, , retry, closes, when, what] = rows.get(code) as readonly string[];
    expect(retry).toBe(ERRORS[code].retryable ? 'yes' : 'no');
    expect(closes).toBe(ERRORS[code].closes ? 'yes' : 'no');
    expect(when).not.toBe('');
    expect(what).not.toBe('');
  });
});

it('every code is raised somewhere', () => {
  expect(CODES.filter((code) => !isRaised(code))).toEqual([]);
});
