/** A table of any number of rows, of which only those that are looked at are drawn. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { t } from './text.js';

/** As in the style sheet. */
const ROW_PX = 32;
/** Drawn above and below what is seen. */
const SPARE_ROWS = 12;
/** With fewer rows all are drawn, and the table is as high as they are. */
const MAX_PLAIN_ROWS = 14;

export interface Column<T> {
  readonly name: string;
  /** Part of the width. Default 1. */
  readonly grow?: number;
  /** Pixels at least. Default 0: what has no room is cut. */
  readonly min?: number;
  readonly isNumber?: boolean;
  readonly cell: (row: T) => ComponentChildren;
}

export function Table<T>({
  label,
  columns,
  rows,
  keyOf,
  onNear,
  onOpen,
  isOpen,
  empty,
}: {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string;
  /** More rows may be wanted: so many are looked at. */
  onNear?: (rows: number) => void;
  onOpen?: (row: T) => void;
  isOpen?: (row: T) => boolean;
  empty?: string;
}) {
  const body = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(ROW_PX * MAX_PLAIN_ROWS);
  useEffect(() => {
    const element = body.current;
    if (element === null) {
      return undefined;
    }
    const watch = new ResizeObserver(() => {
      height.value = element.clientHeight;
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const isPlain = rows.length <= MAX_PLAIN_ROWS;
  const first = isPlain ? 0 : Math.max(0, Math.floor(top.value / ROW_PX) - SPARE_ROWS);
  const last = isPlain
    ? rows.length
    : Math.min(rows.length, Math.ceil((top.value + height.value) / ROW_PX) + SPARE_ROWS);
  useEffect(() => onNear?.(last + SPARE_ROWS * 4), [last, rows.length]);
  const template = useRef<HTMLDivElement>(null);
  const least = columns.reduce((sum, { grow = 1, min = 0 }) => sum + 12 + Math.max(min, 56 * grow), 16);
  const widths = columns.map(({ grow = 1, min = 0 }) => `minmax(${min}px, ${grow}fr)`).join(' ');
  useEffect(() => {
    template.current?.style.setProperty('--columns', widths);
    template.current?.style.setProperty('--least', `${least}px`);
  }, [widths]);
  const spacer = useRef<HTMLDivElement>(null);
  useEffect(() => {
    spacer.current?.style.setProperty('height', `${rows.length * ROW_PX}px`);
    spacer.current?.style.setProperty('--first', `${first * ROW_PX}px`);
  }, [rows.length, first]);
  return (
    <div ref={template} class="table" role="table" aria-label={label} aria-rowcount={rows.length + 1}>
      <div role="rowgroup" class="table-head">
        <div role="row" class="row" aria-rowindex={1}>
          {columns.map(({ name, isNumber }, i) => (
            <span key={i} role="columnheader" class={isNumber ? 'number' : undefined}>
              {name}
            </span>
          ))}
        </div>
      </div>
      <div
        ref={body}
        class={`table-body ${isPlain ? 'plain' : ''}`}
        role="rowgroup"
        tabIndex={isPlain ? undefined : 0}
        aria-label={label}
        onScroll={(event) => {
          top.value = event.currentTarget.scrollTop;
        }}
      >
        <div ref={spacer} class="spacer" role="presentation">
          <div class="window" role="presentation">
            {rows.slice(first, last).map((row, i) => (
              <div
                key={keyOf(row)}
                role="row"
                class={`row ${isOpen?.(row) ? 'open' : ''} ${onOpen ? 'can-open' : ''}`}
                aria-rowindex={first + i + 2}
                onClick={onOpen && (() => onOpen(row))}
              >
                {columns.map(({ cell, isNumber }, at) => (
                  <span key={at} role="cell" class={isNumber ? 'number' : undefined}>
                    {cell(row)}
                  </span>
                ))}
              </div>
            ))}
          </div>
        </div>
      </div>
      {rows.length === 0 && <div class="empty">{empty ?? t('nothing')}</div>}
    </div>
  );
}
