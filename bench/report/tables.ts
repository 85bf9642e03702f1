import { formatQuantity } from '../quantity.js';

/** A table before it is Markdown or HTML. */
export interface Column {
  title: string;
  align: 'left' | 'right';
  /** `status`: reached, missed, not measured. `code`: a command or a name of a file. */
  kind?: 'status' | 'code';
}

export interface Table {
  caption?: string;
  columns: readonly Column[];
  rows: readonly (readonly string[])[];
}

export const left = (title: string): Column => ({ title, align: 'left' });
export const right = (title: string): Column => ({ title, align: 'right' });

/** What stands where there is no figure. */
export const NONE = '–';

export function milliseconds(value: number | null): string {
  return value === null ? NONE : formatQuantity(value, 'ms');
}

export function percent(share: number | null): string {
  return share === null ? NONE : `${(share * 100).toFixed(0)} %`;
}

export function times(ratio: number | null): string {
  if (ratio === null || !Number.isFinite(ratio)) {
    return NONE;
  }
  return `${ratio.toFixed(ratio < 10 ? 2 : ratio < 100 ? 1 : 0)} ×`;
}
