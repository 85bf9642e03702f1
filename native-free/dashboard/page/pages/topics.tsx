/** All topics. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { TopicInfo } from '../../../client/index.js';
import { useMayChange } from '../ask.js';
import { count, moment } from '../format.js';
import { topicList } from '../lists.js';
import { go, href } from '../route.js';
import { backend, isReadOnly, where } from '../session.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { Button, Check, Dialog, FailureNote, Field, Input, Note, PageHead, Tag, Waiting } from '../ui.js';

const FIRST_ROWS = 100;
/** Of a list that is filtered here all is asked for, up to this. */
const MAX_FILTERED = 20_000;

export function TopicsPage() {
  const filter = useSignal('');
  const isMaking = useSignal(false);
  const made = useSignal(0);
  const sought = filter.value.trim();
  const list = useMemo(() => topicList(sought), [sought, made.value]);
  useEffect(() => void list.upTo(sought === '' ? FIRST_ROWS : MAX_FILTERED), [list]);
  const { rows, isComplete, isAsking, error } = list.state.value;
  // A broker that knows nothing of filters sends all.
  const shown = sought === '' ? rows : rows.filter(({ topic }) => topic.includes(sought));
  const isCluster = where.value?.kind === 'cluster';
  return (
    <>
      <PageHead title={t('topics')}>
        <Input of={filter} type="search" placeholder={t('filter')} aria-label={t('filter')} />
        {!isReadOnly.value && (
          <Button
            tone="primary"
            onClick={() => {
              isMaking.value = true;
            }}
          >
            {t('createTopic')}
          </Button>
        )}
      </PageHead>
      {error !== null && <FailureNote failure={error} />}
      {rows.length === 0 && isAsking ? (
        <Waiting />
      ) : (
        <Table<TopicInfo>
          label={t('topics')}
          rows={shown}
          keyOf={({ topic }) => topic}
          onNear={(wanted) => void list.upTo(wanted)}
          empty={t('noTopics')}
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
            { name: t('created'), min: 142, cell: ({ createdTime }) => moment(createdTime) },
          ]}
        />
      )}
      <p class="under">{t(isComplete ? 'rowsAll' : 'rowsSome', { count: count(shown.length) })}</p>
      {isMaking.value && (
        <CreateTopic
          onClose={() => {
            isMaking.value = false;
            made.value++;
          }}
        />
      )}
    </>
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
