/** An interface from a schema, with comments that say unit, bounds and default: what an editor shows of an option. */
import { boundsOf, defaultOf } from '../../cli/option-text.js';
import type { OptionInfo } from '../../engine/option-info.js';

const WIDTH = 106;

/** A module with one interface. */
export function optionsType(name: string, what: string, options: readonly OptionInfo[]): string {
  return [
    '// Written by `npm run docs:options` from the schema beside it. Change the schema, not this file.',
    '',
    `/** ${what} */`,
    `export interface ${name} {`,
    ...members(options, 0),
    '}',
    '',
  ].join('\n');
}

/** The members at one depth; options that share a parent at this depth become an object of their own. */
function members(options: readonly OptionInfo[], depth: number): string[] {
  const indent = '  '.repeat(depth + 1);
  const done = new Set<string>();
  return options.flatMap((option) => {
    const key = option.path[depth] as string;
    if (option.path.length === depth + 1) {
      const mark = option.isRequired ? '' : '?';
      const type = typeOf(option);
      return [
        ...comment(option, indent),
        `${indent}${key}${mark}: ${type}${option.isRequired ? '' : ' | undefined'};`,
      ];
    }
    if (done.has(key)) {
      return [];
    }
    done.add(key);
    const inside = options.filter((other) => other.path[depth] === key);
    return [
      `${indent}${key}?:`,
      `${indent}  | {`,
      ...members(inside, depth + 1).map((line) => `    ${line}`),
      `${indent}    }`,
      `${indent}  | undefined;`,
    ];
  });
}

function typeOf({ kind, choices }: OptionInfo): string {
  switch (kind) {
    case 'choice':
      return choices.map((choice) => `'${choice}'`).join(' | ');
    case 'switch':
      return 'boolean';
    case 'list':
      return 'readonly string[]';
    case 'text':
      return 'string';
    default:
      return 'number';
  }
}

function comment(option: OptionInfo, indent: string): string[] {
  const lines = wrap(option.help, WIDTH - indent.length);
  const [first, ...rest] = facts(option);
  if (first !== undefined) {
    lines.push(...wrap(`${[first, ...rest].join(' ')}`, WIDTH - indent.length));
  }
  lines.push(
    ...wrap(
      `Command: \`${option.flag}\`, \`${option.variable}\`, \`${option.setting}\`.`,
      WIDTH - indent.length,
    ),
  );
  return [`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`), `${indent} */`];
}

/** Unit, bounds and default as sentences. */
function facts(option: OptionInfo): string[] {
  const number = {
    duration: option.unitMs === 1000 ? 'Seconds' : 'Milliseconds',
    size: 'Bytes',
    count: 'A number',
  }[option.kind as string];
  const given = number === undefined ? [] : [`${number}, ${boundsOf(option)}.`];
  const written = defaultOf(option);
  if (written === null) {
    return given;
  }
  const value = option.defaultValue;
  const exact =
    typeof value === 'number' && value.toLocaleString('en') !== written
      ? `${value.toLocaleString('en')} (${written})`
      : written;
  return [...given, `Default ${option.defaultText ?? exact}.`];
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}
