/** Who did what, from where, and with what result. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { AuditEntry, AuditResult } from '../../../client/index.js';
import { AUDIT_RESULTS } from '../../../wire/index.js';
import { Choice, Filter, LookAgain } from '../controls.js';
import { count, moment } from '../format.js';
import { listOf } from '../lists.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { FailureNote, PageHead, Tag } from '../ui.js';

type Span = 'hour' | 'day' | 'week' | 'all';

const SPAN_MS = { hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000, all: null };
/** The brokers tell the oldest first, and the page shows the newest first: so many are asked for. */
const MAX_ENTRIES = 20_000;

export function AuditPage() {
  const looked = useSignal(0);
  const span = useSignal<Span>('day');
  const filter = useSignal('');
  const result = useSignal<AuditResult | ''>('');
  const list = useMemo(() => {
    const ms = SPAN_MS[span.value];
    const from = ms === null ? null : Date.now() - ms;
    return listOf<AuditEntry>({
      method: 'listAudit',
      field: 'entries',
      keyOf,
      params: { from, filter: filter.value, result: result.value || null },
      mark: (row, brokerSet) => ({ ...row, brokerSet }),
    });
  }, [looked.value, span.value, filter.value, result.value]);
  useEffect(() => void list.upTo(MAX_ENTRIES), [list]);
  const { rows, isComplete, error } = list.state.value;
  const shown = useMemo(() => [...rows].reverse(), [rows]);
  return (
    <>
      <PageHead title={t('audit')}>
        <Filter of={filter} />
        <Choice<Span>
          of={span}
          label={t('auditOldest')}
          options={[
            ['hour', t('auditHour')],
            ['day', t('auditDay')],
            ['week', t('auditWeek')],
            ['all', t('auditAll')],
          ]}
        />
        <Choice<AuditResult | ''>
          of={result}
          label={t('result')}
          options={[['', t('anyResult')], ...AUDIT_RESULTS.map((each) => [each, each] as const)]}
        />
        <LookAgain of={looked} />
      </PageHead>
      {error !== null && <FailureNote failure={error} />}
      {error?.code !== 'NOT_SUPPORTED' && (
        <>
          <Table<AuditEntry>
            label={t('audit')}
            rows={shown}
            keyOf={keyOf}
            columns={[
              { name: t('time'), min: 156, cell: ({ time }) => moment(time) },
              { name: t('user'), cell: ({ user }) => user || '–' },
              { name: t('address'), grow: 1.2, cell: ({ address }) => <code>{address || '–'}</code> },
              {
                name: t('what'),
                grow: 1.5,
                cell: ({ method, count: times }) => (times > 1 ? `${method} × ${count(times)}` : method),
              },
              { name: t('resource'), grow: 2, cell: ({ resource }) => resource || '–' },
              { name: t('details'), grow: 2, cell: ({ details }) => <span title={details}>{details}</span> },
              {
                name: t('result'),
                min: 140,
                cell: ({ result, code }) => (
                  <Tag tone={result === 'done' ? 'good' : 'bad'}>{code === '' ? result : code}</Tag>
                ),
              },
            ]}
          />
          <p class="under">{t(isComplete ? 'rowsAll' : 'rowsSome', { count: count(shown.length) })}</p>
        </>
      )}
    </>
  );
}

/** The oldest first, as the brokers have them. */
function keyOf({ time, brokerSet, number }: AuditEntry): string {
  return `${String(time).padStart(17, '0')} ${brokerSet ?? ''} ${String(number).padStart(17, '0')}`;
}
