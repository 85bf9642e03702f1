/** All topics. */
import { useSignal } from '@preact/signals';
import type { TopicInfo } from '../../../client/index.js';
import { useMayChange } from '../ask.js';
import { Check, Field, Input } from '../controls.js';
import { Dialog } from '../dialog.js';
import { count, moment } from '../format.js';
import { topicList } from '../lists.js';
import { go, href } from '../route.js';
import { backend, where } from '../session.js';
import { t } from '../text.js';
import { Note, Tag } from '../ui.js';
import { NamedListPage } from './named-list.js';

export function TopicsPage() {
  const isCluster = where.value?.kind === 'cluster';
  return (
    <NamedListPage<TopicInfo>
      title={t('topics')}
      listFor={topicList}
      keyOf={({ topic }) => topic}
      empty={t('noTopics')}
      create={t('createTopic')}
      dialog={(onClose) => <CreateTopic onClose={onClose} />}
      columns={[
        { name: t('name'), grow: 3, cell: ({ topic }) => <a href={href('topics', topic)}>{topic}</a> },
        { name: t('queues'), isNumber: true, cell: ({ queues }) => count(queues) },
        ...(isCluster
          ? [
              {
                name: t('sets'),
                grow: 2,
                cell: ({ parts = [] }: TopicInfo) => parts.map(({ brokerSet }) => brokerSet).join(', '),
              },
            ]
          : []),
        {
          name: t('kept'),
          cell: ({ memory }) => (memory ? <Tag tone="warn">{t('inMemory')}</Tag> : t('inLog')),
        },
        { name: t('created'), min: 156, cell: ({ createdTime }) => moment(createdTime) },
      ]}
    />
  );
}

function CreateTopic({ onClose }: { onClose: () => void }) {
  const name = useSignal('');
  const queues = useSignal('4');
  const memory = useSignal(false);
  const topic = name.value.trim();
  const isAllowed = useMayChange('manage', `topic:${topic === '' ? 'x' : topic}`);
  const isNumber = /^\d+$/.test(queues.value) && Number(queues.value) > 0;
  return (
    <Dialog
      title={t('createTopic')}
      action={t('create')}
      isReady={topic !== '' && isNumber && isAllowed}
      done={t('done')}
      onClose={onClose}
      onDo={async () => {
        await backend().admin('createTopic', { topic, queues: Number(queues.value), memory: memory.value });
        go('topics', topic);
      }}
    >
      <Field name={t('name')} hint={t('nameHint')}>
        <Input of={name} autofocus maxLength={127} />
      </Field>
      <Field
        name={t('queues')}
        hint={where.value?.kind === 'cluster' ? t('queuesHintCluster') : t('queuesHint')}
      >
        <Input of={queues} inputMode="numeric" />
      </Field>
      <Check of={memory}>{t('memoryHint')}</Check>
      {topic !== '' && !isAllowed && (
        <Note tone="warn">{t('mayNotManage', { resource: `topic:${topic}` })}</Note>
      )}
    </Dialog>
  );
}
