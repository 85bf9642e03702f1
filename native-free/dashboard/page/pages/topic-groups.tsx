/** Groups that read a topic. */
import { useEffect, useMemo } from 'preact/hooks';
import { count } from '../format.js';
import { groupColumn, lagColumns, useLags } from '../group-lags.js';
import { topicGroupList } from '../lists.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { FailureNote } from '../ui.js';

export function TopicGroupsPart({ topic }: { topic: string }) {
  const list = useMemo(() => topicGroupList(topic), [topic]);
  useEffect(() => void list.upTo(100), [list]);
  const lags = useLags(topic);
  const { rows, isComplete, error } = list.state.value;
  return (
    <>
      {error !== null && <FailureNote failure={error} />}
      <Table<{ group: string }>
        label={t('groups')}
        rows={rows}
        keyOf={({ group }) => group}
        onNear={(wanted) => void list.upTo(wanted)}
        empty={t('noReaders')}
        columns={[groupColumn, ...lagColumns(lags)]}
      />
      <p class="under">{t(isComplete ? 'rowsAll' : 'rowsSome', { count: count(rows.length) })}</p>
    </>
  );
}
