/** Options as people write and read them: text to a value, and bounds and defaults to text. */
import type { OptionInfo } from '../engine/option-info.js';
import { formatDuration, formatSize, parseCount, parseDuration, parseSize } from './units.js';

/** What was written for an option, as the value it has in the options object; or what is wrong with it. */
export type Reading = { value: unknown } | { fault: string };

/** Reads one option from text, a flag's or a variable's. */
export function readOptionText(info: OptionInfo, text: string): Reading {
  const value = parsed(info, text.trim());
  if (value === undefined) {
    return { fault: howToWrite(info) };
  }
  return checked(info, value);
}

/** Reads one option from a config file: as text, or as JSON has it. */
export function readOptionJson(info: OptionInfo, json: unknown): Reading {
  if (typeof json === 'string' && info.kind !== 'list') {
    return readOptionText(info, json);
  }
  const isBareTime = info.kind === 'duration' && json !== 0;
  return typeof json === 'number' && isBareTime ? { fault: howToWrite(info) } : checked(info, json);
}

function checked(info: OptionInfo, value: unknown): Reading {
  return info.schema.safeParse(value).success ? { value } : { fault: `must be ${boundsOf(info)}` };
}

function parsed(info: OptionInfo, text: string): unknown {
  switch (info.kind) {
    case 'duration': {
      const ms = parseDuration(text);
      return ms === null ? undefined : ms / info.unitMs;
    }
    case 'size':
      return parseSize(text) ?? undefined;
    case 'count':
      return parseCount(text) ?? undefined;
    case 'switch':
      return { true: true, 1: true, false: false, 0: false }[text];
    case 'list':
      return text.split(',').map((part) => part.trim());
    default:
      return text;
  }
}

function howToWrite(info: OptionInfo): string {
  switch (info.kind) {
    case 'duration':
      return 'write a duration like 500ms, 30s, 5m or 2h';
    case 'size':
      return 'write a size like 100, 64KiB or 1GiB';
    case 'count':
      return 'write a whole number';
    case 'switch':
      return 'write true or false';
    default:
      return 'write text';
  }
}

/** What an option may be, in words and in the units that people write: `1ms to 1m`, `sync or async`. */
export function boundsOf(info: OptionInfo): string {
  const write = (value: number): string => writeNumber(info, value);
  const range =
    info.least !== null && info.most !== null
      ? `${write(info.least)} to ${write(info.most)}`
      : info.least !== null
        ? `${write(info.least)} or more`
        : info.most !== null
          ? `at most ${write(info.most)}`
          : null;
  if (info.rule !== null) {
    return range === null ? info.rule : `${info.rule}, ${range}`;
  }
  if (range !== null) {
    return range;
  }
  const choices = new Intl.ListFormat('en', { type: 'disjunction' }).format(info.choices);
  return (
    { choice: choices, switch: 'true or false', list: 'a list of texts' }[info.kind as string] ??
    'a text that is not empty'
  );
}

/** An option's default in words, or null where it has none. */
export function defaultOf(info: OptionInfo): string | null {
  const value = info.defaultValue;
  if (info.defaultText !== null) {
    return info.defaultText;
  }
  if (typeof value === 'number') {
    return writeNumber(info, value);
  }
  if (Array.isArray(value)) {
    return value.length === 0 ? 'none' : value.join(',');
  }
  return value === undefined ? null : String(value);
}

function writeNumber(info: OptionInfo, value: number): string {
  if (info.kind === 'duration') {
    return formatDuration(value * info.unitMs);
  }
  return info.kind === 'size'
    ? formatSize(value)
    : info.path.at(-1) === 'port'
      ? String(value)
      : grouped(value);
}

/** `65,536`. By hand: each start of a broker writes its defaults, and the first use of `Intl` costs it 10 ms. */
function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ',');
}
