/** Who did what, from where, and with what result. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { count, moment } from '../format.js';
import { listOf } from '../lists.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { Button, FailureNote, PageHead, Tag } from '../ui.js';

interface Entry {
  set?: string;
  time: number;
  user: string | null;
  address: string | null;
  method: string;
  resource: string | null;
  result: string;
  code?: string | null;
}

export function AuditPage() {
  const looked = useSignal(0);
  const list = useMemo(
    () => listOf<Entry>('listAudit', 'entries', keyOf, undefined, {}, (row, set) => ({ ...row, set })),
    [looked.value],
  );
  useEffect(() => void list.upTo(200), [list]);
  const { rows, isComplete, error } = list.state.value;
  return (
    <>
      <PageHead title={t('audit')}>
        <Button
          onClick={() => {
            looked.value++;
          }}
        >
          {t('lookAgain')}
        </Button>
      </PageHead>
      {error !== null && <FailureNote failure={error} />}
      {error?.code !== 'NOT_SUPPORTED' && (
        <>
          <Table<Entry>
            label={t('audit')}
            rows={rows}
            keyOf={keyOf}
            onNear={(wanted) => void list.upTo(wanted)}
            columns={[
              { name: t('time'), grow: 1.5, cell: ({ time }) => moment(time) },
              { name: t('user'), cell: ({ user }) => user ?? '–' },
              { name: t('address'), grow: 1.5, cell: ({ address }) => <code>{address ?? '–'}</code> },
              { name: t('what'), grow: 1.5, cell: ({ method }) => method },
              { name: t('resource'), grow: 2, cell: ({ resource }) => resource ?? '–' },
              {
                name: t('result'),
                cell: ({ result, code }) => (
                  <Tag tone={result === 'ok' || result === 'done' ? 'good' : 'bad'}>{code ?? result}</Tag>
                ),
              },
            ]}
          />
          <p class="under">{t(isComplete ? 'rowsAll' : 'rowsSome', { count: count(rows.length) })}</p>
        </>
      )}
    </>
  );
}

/** The newest first. */
function keyOf({ time, set, method, user, resource }: Entry): string {
  return `${String(Number.MAX_SAFE_INTEGER - time).padStart(17, '0')} ${set ?? ''} ${method} ${user ?? ''} ${resource ?? ''}`;
}
