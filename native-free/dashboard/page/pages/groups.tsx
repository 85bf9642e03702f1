/** All consumer groups, with what they have still to read. */
import { useSignal } from '@preact/signals';
import type { GroupInfo } from '../../../client/index.js';
import { useMayChange } from '../ask.js';
import { Field, Input } from '../controls.js';
import { Dialog } from '../dialog.js';
import { count } from '../format.js';
import { groupColumn, lagColumns, useLags } from '../group-lags.js';
import { groupList } from '../lists.js';
import { go } from '../route.js';
import { backend } from '../session.js';
import { t } from '../text.js';
import { Note } from '../ui.js';
import { NamedListPage } from './named-list.js';

export function GroupsPage() {
  const lags = useLags();
  return (
    <NamedListPage<GroupInfo>
      title={t('groups')}
      listFor={groupList}
      keyOf={({ group }) => group}
      empty={t('noGroups')}
      create={t('createGroup')}
      dialog={(onClose) => <CreateGroup onClose={onClose} />}
      columns={[
        groupColumn,
        { name: t('members'), isNumber: true, cell: ({ members }) => count(members) },
        ...lagColumns(lags),
        {
          name: t('topics'),
          grow: 3,
          cell: ({ topics, topicCount }) =>
            topics.slice(0, 3).join(', ') + (topicCount > 3 ? ` … ${count(topicCount)}` : ''),
        },
      ]}
    />
  );
}

function CreateGroup({ onClose }: { onClose: () => void }) {
  const name = useSignal('');
  const group = name.value.trim();
  const isAllowed = useMayChange('manage', `group:${group === '' ? 'x' : group}`);
  return (
    <Dialog
      title={t('createGroup')}
      action={t('create')}
      isReady={group !== '' && isAllowed}
      done={t('done')}
      onClose={onClose}
      onDo={async () => {
        await backend().admin('createGroup', { group });
        go('groups', group);
      }}
    >
      <Field name={t('name')} hint={t('nameHint')}>
        <Input of={name} autofocus maxLength={127} />
      </Field>
      {group !== '' && !isAllowed && (
        <Note tone="warn">{t('mayNotManage', { resource: `group:${group}` })}</Note>
      )}
    </Dialog>
  );
}
