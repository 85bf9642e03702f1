/** Groups that read a topic. */
import { useEffect, useMemo } from 'preact/hooks';
import type { GroupInfo } from '../../../client/index.js';
import { count } from '../format.js';
import { groupList } from '../lists.js';
import { href } from '../route.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { FailureNote } from '../ui.js';

const MAX_GROUPS = 10_000;

export function TopicGroupsPart({ topic }: { topic: string }) {
  const list = useMemo(() => groupList(), [topic]);
  useEffect(() => void list.upTo(MAX_GROUPS), [list]);
  const { rows, error } = list.state.value;
  return (
    <>
      {error !== null && <FailureNote failure={error} />}
      <Table<GroupInfo>
        label={t('groups')}
        rows={rows.filter(({ topics }) => topics.includes(topic))}
        keyOf={({ group }) => group}
        empty={t('noReaders')}
        columns={[
          { name: t('group'), grow: 3, cell: ({ group }) => <a href={href('groups', group)}>{group}</a> },
          { name: t('members'), isNumber: true, cell: ({ members }) => count(members) },
          { name: t('topics'), isNumber: true, cell: ({ topicCount }) => count(topicCount) },
        ]}
      />
    </>
  );
}
