/**
 * Every error code is documented as it is, and is raised somewhere. `RINGMQ_UPDATE_DOCS=1` writes the table
 * of what the command advises anew.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ADVICE } from '../../cli/advice.js';
import { ERRORS, type ErrorCode } from '../../native-free/wire/index.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SOURCES = ['engine', 'transport', 'broker', 'cli', 'native-free'];
const CODES = Object.keys(ERRORS) as ErrorCode[];

const PAGE = `${ROOT}/docs/errors.md`;
/** What follows this line is made of the command's own texts. */
const ADVICE_TITLE = '## What the command advises\n';
const [page = '', advised = ''] = readFileSync(PAGE, 'utf8').split(ADVICE_TITLE);

const rows = new Map(
  page
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

it('docs/errors.md has what the command advises, word for word', () => {
  const table = CODES.map((code) => `| \`${code}\` | ${ADVICE[code].replaceAll('|', '\\|')} |\n`).join('');
  const section = `\nBehind what has happened the line on stderr says what to do, unless the message itself does.\n\n| code | advice |\n|---|---|\n${table}`;
  if (process.env['RINGMQ_UPDATE_DOCS'] === '1') {
    writeFileSync(PAGE, `${page}${ADVICE_TITLE}${section}`);
  } else {
    expect(advised).toBe(section);
  }
});

it('every code is raised somewhere', () => {
  expect(CODES.filter((code) => !isRaised(code))).toEqual([]);
});
