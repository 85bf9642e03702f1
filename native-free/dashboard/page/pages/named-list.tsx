/** A page of things that have names: found by a part of it, made, and looked at anew. */
import { type ReadonlySignal, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { Button, Filter, LookAgain } from '../controls.js';
import { count } from '../format.js';
import type { ListState } from '../paged.js';
import { isReadOnly } from '../session.js';
import { type Column, Table } from '../table.js';
import { t } from '../text.js';
import { FailureNote, PageHead, Waiting } from '../ui.js';

const FIRST_ROWS = 100;

interface Listed<T> {
  readonly state: ReadonlySignal<ListState<T>>;
  upTo(rows: number): Promise<void>;
}

export function NamedListPage<T>({
  title,
  listFor,
  keyOf,
  columns,
  empty,
  create,
  dialog,
}: {
  title: string;
  /** All whose name has `sought` in it. */
  listFor: (sought: string) => Listed<T>;
  keyOf: (row: T) => string;
  columns: readonly Column<T>[];
  empty: string;
  create: string;
  dialog: (onClose: () => void) => JSX.Element;
}) {
  const sought = useSignal('');
  const isMaking = useSignal(false);
  const looked = useSignal(0);
  const list = useMemo(() => listFor(sought.value), [sought.value, looked.value]);
  useEffect(() => void list.upTo(FIRST_ROWS), [list]);
  const { rows, isComplete, isAsking, error } = list.state.value;
  return (
    <>
      <PageHead title={title}>
        <Filter of={sought} />
        <LookAgain of={looked} />
        {!isReadOnly.value && (
          <Button
            tone="primary"
            onClick={() => {
              isMaking.value = true;
            }}
          >
            {create}
          </Button>
        )}
      </PageHead>
      {error !== null && <FailureNote failure={error} />}
      {rows.length === 0 && isAsking ? (
        <Waiting />
      ) : (
        <Table<T>
          label={title}
          rows={rows}
          keyOf={keyOf}
          onNear={(wanted) => void list.upTo(wanted)}
          empty={empty}
          columns={columns}
        />
      )}
      <p class="under">{t(isComplete ? 'rowsAll' : 'rowsSome', { count: count(rows.length) })}</p>
      {isMaking.value &&
        dialog(() => {
          isMaking.value = false;
          looked.value++;
        })}
    </>
  );
}
