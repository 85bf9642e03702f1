/** Who sends to a topic, and who reads from it. */
import { useEffect, useMemo } from 'preact/hooks';
import { moment } from '../format.js';
import { listOf } from '../lists.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { FailureNote, Tag } from '../ui.js';

interface TopicClientRow {
  id: string;
  user: string | null;
  name: string;
  address: string;
  openedTime: number;
  produces: boolean;
  groups: (string | null)[];
}

export function TopicClientsPart({ topic }: { topic: string }) {
  const list = useMemo(
    () =>
      listOf<TopicClientRow>({
        method: 'topicClients',
        field: 'clients',
        keyOf: ({ id }) => id,
        params: { topic },
      }),
    [topic],
  );
  useEffect(() => void list.upTo(200), [list]);
  const { rows, error } = list.state.value;
  if (error !== null && rows.length === 0) {
    return <FailureNote failure={error} />;
  }
  return (
    <Table<TopicClientRow>
      label={t('clients')}
      rows={rows}
      keyOf={({ id }) => id}
      onNear={(wanted) => void list.upTo(wanted)}
      empty={t('noClients')}
      columns={[
        { name: t('client'), grow: 2, cell: ({ name, address }) => `${name || '–'} · ${address}` },
        { name: t('user'), cell: ({ user }) => user ?? '–' },
        {
          name: t('does'),
          grow: 2,
          cell: ({ produces, groups }) => (
            <>
              {produces && <Tag tone="accent">{t('produces')}</Tag>}{' '}
              {groups.map((group) => (
                <Tag key={group ?? ''}>{group ?? t('reader')}</Tag>
              ))}
            </>
          ),
        },
        { name: t('since'), min: 156, cell: ({ openedTime }) => moment(openedTime) },
      ]}
    />
  );
}
