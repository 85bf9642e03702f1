/**
 * Reads what an entry of the package exports out of its built `.d.ts` files, as text. They are written by one
 * compiler in one form: a declaration begins in the first column, with its comment before it, and ends with
 * `}` or `;` in the first column or on its line.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Declaration {
  name: string;
  /** `interface`, `class`, `function`, `type`, `const`. */
  kind: string;
  /** Its own comment as lines of prose. */
  comment: string[];
  /** Without its comment, the members' with theirs. */
  code: string;
}

/** The exports of a module by name, those that it passes on included. */
export function exportsOf(path: string): Map<string, Declaration> {
  const text = readFileSync(path, 'utf8');
  const here = new Map(declarationsOf(text).map((found) => [found.name, found]));
  const exported = new Map([...here].filter(([, { code }]) => code.startsWith('export ')));
  const imported = new Map<string, string>();
  for (const [, names = '', from = ''] of text.matchAll(
    /^import (?:type )?\{([^}]*)\} from '(\.[^']+)';/gm,
  )) {
    for (const name of namesOf(names)) {
      imported.set(name, from);
    }
  }
  for (const [, names = '', from] of text.matchAll(
    /^export (?:type )?\{([^}]*)\}(?: from '(\.[^']+)')?;/gm,
  )) {
    for (const [name, as] of namesOf(names).map((part) => part.split(' as '))) {
      const source = from ?? imported.get(name as string);
      const found =
        source === undefined
          ? here.get(name as string)
          : exportsOf(resolve(path, source)).get(name as string);
      if (found !== undefined) {
        exported.set(as ?? (name as string), found);
      }
    }
  }
  for (const [, from = ''] of text.matchAll(/^export (?:type )?\* from '(\.[^']+)';/gm)) {
    for (const [name, found] of exportsOf(resolve(path, from))) {
      exported.set(name, found);
    }
  }
  return exported;
}

const resolve = (path: string, from: string): string => join(dirname(path), from.replace(/\.js$/, '.d.ts'));

const namesOf = (list: string): string[] =>
  list
    .split(',')
    .map((name) => name.trim().replace(/^type /, ''))
    .filter((name) => name !== '');

function declarationsOf(text: string): Declaration[] {
  const found: Declaration[] = [];
  let comment: string[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    if (line.startsWith('/**')) {
      const end = endOf(lines, i, (at) => at.trimEnd().endsWith('*/'));
      comment = proseOf(lines.slice(i, end + 1));
      i = end;
      continue;
    }
    const start = /^(?:export )?(?:declare )?(?:abstract )?(interface|class|function|type|const) (\w+)/.exec(
      line,
    );
    if (start !== null) {
      const end = endOf(lines, i, (at) => /^\}|;$/.test(at) && !/^ /.test(at));
      found.push({
        kind: start[1] as string,
        name: start[2] as string,
        comment,
        code: lines.slice(i, end + 1).join('\n'),
      });
      i = end;
    }
    comment = [];
  }
  return found;
}

function endOf(lines: readonly string[], from: number, isEnd: (line: string) => boolean): number {
  let i = from;
  while (i < lines.length - 1 && !isEnd(lines[i] as string)) {
    i++;
  }
  return i;
}

function proseOf(lines: readonly string[]): string[] {
  return lines
    .map((line) =>
      line
        .replace(/^\/\*\*|\*\/\s*$/g, '')
        .replace(/^\s*\* ?/, '')
        .trim(),
    )
    .filter((line) => line !== '');
}
