/** What keys do in `ringmq top` on a terminal. */
import type { TopTable, View } from './tables.js';

export interface Screen {
  view: View;
  /** null: what the view is sorted by as a rule. */
  column: string | null;
  isReversed: boolean;
}

export const KEYS_HELP =
  't g c: topics, groups, connections   1-9 ← →: sort by a column   r: turn round   q: end';

const LETTERS: Readonly<Record<string, View>> = { t: 'topics', g: 'groups', c: 'connections' };
const [LEFT, RIGHT] = ['\u001b[D', '\u001b[C'];
const CTRL_C = '\u0003';

/** The screen after a key; `end`: it was the last. */
export function pressed(screen: Screen, key: string, table: TopTable): Screen | 'end' {
  if (key === 'q' || key === CTRL_C) {
    return 'end';
  }
  const view = LETTERS[key];
  if (view !== undefined) {
    return view === screen.view ? screen : { view, column: null, isReversed: false };
  }
  if (key === 'r') {
    return { ...screen, isReversed: !screen.isReversed };
  }
  const now = table.columns.indexOf(screen.column ?? table.standard);
  const { length } = table.columns;
  const next =
    key === LEFT
      ? (now + length - 1) % length
      : key === RIGHT
        ? (now + 1) % length
        : /^[1-9]$/.test(key)
          ? Number(key) - 1
          : now;
  const column = table.columns[next];
  return column === undefined ? screen : { ...screen, column };
}
