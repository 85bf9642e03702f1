import type { Command } from 'commander';

/** Options every command has, before it or behind it. */
export interface SharedOptions {
  url: string;
  output: 'text' | 'json';
}

/** Reads them from wherever on the command line they stood. */
export function sharedOptions(command: Command): SharedOptions {
  const { url, output } = command.optsWithGlobals<{ url: string; output: 'text' | 'json' }>();
  return { url, output };
}

/** `1 queue`, `12,000 messages`. */
export function counted(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** One JSON object, one line, on stdout. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Columns with a heading, aligned; numbers to the right. */
export async function printTable(head: string[], rows: (string | number | null)[][]): Promise<void> {
  const { default: Table } = await import('cli-table3');
  const table = new Table({
    head,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    colAligns: head.map((_, column) => (typeof rows[0]?.[column] === 'number' ? 'right' : 'left')),
    chars: BORDERLESS,
  });
  for (const row of rows) {
    table.push(row.map((cell) => (cell === null ? '-' : String(cell))));
  }
  process.stdout.write(`${table.toString().replaceAll(/ +$/gm, '')}\n`);
}

const BORDERLESS = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ].map((name) => [name, '']),
);
