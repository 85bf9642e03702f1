/** `ringmq top`: what topics, groups and connections do now. Live on a terminal, else a snapshot. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { monotonicMs } from '../../native-free/time/index.js';
import { connectionNotices, notice, withClient } from '../connection.js';
import { printJson, sharedOptions, tableText } from '../output.js';
import { Pause } from '../reader-gone.js';
import { KEYS_HELP, pressed, type Screen } from './keys.js';
import { type Cell, type Reading, read, sorted, type TopTable, tableOf, type View } from './tables.js';

export interface TopFlags {
  sort?: string;
  reverse?: boolean;
  interval: number;
  limit: number;
}

/** A snapshot's rates are of so long at most. */
const SNAPSHOT_MS = 1_000;
const [OPEN, CLOSE] = ['\u001b[?1049h\u001b[?25l', '\u001b[?25h\u001b[?1049l'];
const HOME = '\u001b[H\u001b[2J';

export async function runTop(command: Command, view: View, flags: TopFlags): Promise<void> {
  const { url, output } = sharedOptions(command);
  const { stdin, stdout } = process;
  const isLive = output === 'text' && stdout.isTTY && stdin.isTTY;
  const link = { isAway: false, onChanged: () => {} };
  const onLink = (state: string): void => {
    link.isAway = state === 'disconnected';
    link.onChanged();
  };
  await withClient(
    url,
    async (client) => {
      const screen: Screen = { view, column: flags.sort ?? null, isReversed: flags.reverse ?? false };
      if (isLive) {
        await live(screen, flags, link, (which) => read(which, client.admin(), monotonicMs));
        return;
      }
      const before = await read(view, client.admin(), monotonicMs);
      await delay(Math.min(flags.interval, SNAPSHOT_MS));
      const table = tableOf(await read(view, client.admin(), monotonicMs), before);
      const rows = sorted(table, checked(command, table, flags.sort), screen.isReversed);
      const shown = rows.slice(0, flags.limit);
      if (output === 'json') {
        printJson({
          view,
          complete: table.isComplete && shown.length === rows.length,
          rows: shown.map(asObject(table)),
        });
        return;
      }
      stdout.write(text(table, shown));
      if (!table.isComplete || shown.length < rows.length) {
        notice('there are more; see --limit');
      }
    },
    { onConnection: isLive ? onLink : connectionNotices(url) },
  );
}

function checked(command: Command, table: TopTable, sort: string | undefined): string {
  if (sort !== undefined && !table.columns.includes(sort)) {
    command.error(`error: --sort must be one of ${table.columns.join(', ')}, not '${sort}'`);
  }
  return sort ?? table.standard;
}

function asObject(table: TopTable): (row: readonly Cell[]) => object {
  return (row) => Object.fromEntries(table.columns.map((column, i) => [column, row[i] ?? null]));
}

function text(table: TopTable, rows: Cell[][]): string {
  return tableText(
    table.columns.map((column) => column.toUpperCase()),
    rows,
  );
}

/** Until somebody ends it: a reading each interval, and a new drawing after each key. */
async function live(
  first: Screen,
  { interval, limit }: TopFlags,
  link: { isAway: boolean; onChanged: () => void },
  readNow: (view: View) => Promise<Reading>,
): Promise<void> {
  const { stdin, stdout } = process;
  let screen = first;
  let before: Reading | null = null;
  const pause = new Pause();
  let now = await readNow(screen.view);
  const ending = new AbortController();
  let again = new AbortController();
  const draw = (): void => {
    const table = tableOf(now, before);
    const column = screen.column ?? table.standard;
    const rows = sorted(table, column, screen.isReversed);
    const height = Math.max(1, Math.min(limit, (stdout.rows || 24) - 4));
    const width = stdout.columns || 80;
    const lines = [
      link.isAway
        ? 'the broker is away: as it was last; trying again until it is back'
        : `ringmq top ${screen.view}: ${rows.length}, by ${column}${screen.isReversed ? ', turned round' : ''}`,
      KEYS_HELP,
      '',
      ...text(table, rows.slice(0, height)).trimEnd().split('\n'),
    ];
    stdout.write(HOME + lines.map((line) => line.slice(0, width)).join('\r\n'));
  };
  const onKey = (data: Buffer): void => {
    const next = pressed(screen, data.toString(), tableOf(now, before));
    if (next === 'end') {
      ending.abort();
      again.abort();
      return;
    }
    const isOther = next.view !== screen.view;
    screen = next;
    if (isOther) {
      again.abort();
    } else {
      draw();
    }
  };
  link.onChanged = draw;
  // Also while the broker is away and nothing is answered.
  const ended = once(ending.signal, 'abort').then(() => null);
  stdin.setRawMode(true);
  stdin.on('data', onKey);
  stdout.write(OPEN);
  try {
    draw();
    let shown = screen.view;
    while (!ending.signal.aborted) {
      await delay(interval, undefined, { signal: again.signal }).catch(() => undefined);
      if (again.signal.aborted) {
        again = new AbortController();
      }
      if (ending.signal.aborted) {
        break;
      }
      const { view } = screen;
      const latest = await Promise.race([ended, pause.untilThere(() => readNow(view))]);
      if (latest === null) {
        break;
      }
      if (view !== screen.view) {
        continue;
      }
      before = view === shown ? now : null;
      now = latest;
      shown = view;
      draw();
    }
  } finally {
    link.onChanged = () => {};
    stdin.off('data', onKey);
    stdin.setRawMode(false);
    stdin.pause();
    stdout.write(CLOSE);
  }
}
