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
export function printTable(head: string[], rows: (string | number | null)[][]): void {
  process.stdout.write(tableText(head, rows));
}

/** The same, as text. */
export function tableText(head: string[], rows: (string | number | null)[][]): string {
  const isRight = head.map((_, column) => typeof rows[0]?.[column] === 'number');
  const table = [head, ...rows.map((row) => row.map((cell) => (cell === null ? '-' : String(cell))))];
  const widths = head.map((_, column) =>
    table.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0),
  );
  const lines = table.map((row) =>
    row
      .map((cell, column) =>
        isRight[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** A queue by its number, over a cluster with its broker set: `a/0`. */
export function queueName({ brokerSet, queueId }: { brokerSet?: string; queueId: number }): string | number {
  return brokerSet === undefined ? queueId : `${brokerSet}/${queueId}`;
}
