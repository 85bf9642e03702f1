import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { nearest } from '../engine/nearest.js';
import { ERRORS, type ErrorCode, RingMQError } from '../native-free/wire/index.js';
import { ADVICE } from './advice.js';
import { printJson, printTable, sharedOptions } from './output.js';

const CODES = Object.keys(ERRORS) as ErrorCode[];

/** `ringmq errors lookup`: what a code means, when it comes, and what to do, as docs/errors.md has it. Needs no broker. */
export function lookUpError(command: Command, given: string): void {
  const code = findCode(given);
  const { wire, retryable, closes, message } = ERRORS[code];
  const [when, whatToDo] = documented(code);
  if (sharedOptions(command).output === 'json') {
    printJson({ code, wire, retryable, closes, message, when, whatToDo, advice: ADVICE[code] });
    return;
  }
  const lines = [
    `${code}: ${message}`,
    `  when     ${when}`,
    `  do       ${whatToDo}`,
    `  retry    ${retryable ? 'the same call may succeed later' : 'the same call fails again'}`,
    `  closes   ${closes ? 'the connection ends with it' : 'the connection stays'}`,
    `  on wire  ${wire}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** `ringmq errors list`: all codes. */
export function listErrors(command: Command): void {
  if (sharedOptions(command).output === 'json') {
    printJson(CODES.map((code) => ({ code, ...ERRORS[code] })));
    return;
  }
  printTable(
    ['code', 'means'],
    CODES.map((code) => [code, ERRORS[code].message]),
  );
}

/** By name, in any case, or by the number that acks carry. @throws RingMQError BAD_ARGUMENT for one there is not */
function findCode(given: string): ErrorCode {
  const name = given.trim().toUpperCase();
  const found = CODES.find((code) => code === name || String(ERRORS[code].wire) === name);
  if (found === undefined) {
    const meant = nearest(name, CODES);
    throw new RingMQError(
      'BAD_ARGUMENT',
      `there is no error code ${given}${meant === null ? '' : `, did you mean ${meant}?`}; see \`ringmq errors list\``,
      { details: { option: 'code' } },
    );
  }
  return found;
}

/** The two sentences of docs/errors.md, which lies in the package; without the file what the code itself has. */
function documented(code: ErrorCode): [when: string, whatToDo: string] {
  let page = '';
  try {
    page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  } catch {
    // Installed without its documents.
  }
  const row = page.split('\n').find((line) => line.startsWith(`| \`${code}\` |`));
  const [, , , , when, whatToDo] =
    row?.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|')) ?? [];
  return [when ?? ERRORS[code].message, whatToDo ?? ADVICE[code]];
}
