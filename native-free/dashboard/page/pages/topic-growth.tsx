/** More queues for a topic: says what that does before it is done. */
import { useSignal } from '@preact/signals';
import type { TopicDescription } from '../../../client/index.js';
import { MAX_QUEUES_PER_TOPIC } from '../../../wire/index.js';
import { Field, Input } from '../controls.js';
import { Dialog } from '../dialog.js';
import { count } from '../format.js';
import { backend, where } from '../session.js';
import { t } from '../text.js';
import { Note } from '../ui.js';

export function GrowthDialog({ topic, onClose }: { topic: TopicDescription; onClose: () => void }) {
  // In a cluster each broker set gets so many; after a growth that one has missed, some may have fewer.
  const now = Math.max(...(topic.parts ?? [topic]).map(({ queues }) => queues));
  const wanted = useSignal(`${Math.min(2 * now, MAX_QUEUES_PER_TOPIC)}`);
  const queues = /^\d+$/.test(wanted.value) ? Number(wanted.value) : 0;
  return (
    <Dialog
      title={t('growTopic')}
      action={t('grow')}
      isReady={queues > now && queues <= MAX_QUEUES_PER_TOPIC}
      done={t('done')}
      onClose={onClose}
      onDo={() => backend().admin('growTopic', { topic: topic.topic, queues })}
    >
      <p>{t('growTopicWhat', { topic: topic.topic, queues: count(now) })}</p>
      <Field name={t('queues')} hint={where.value?.kind === 'cluster' ? t('growHintCluster') : t('growHint')}>
        <Input of={wanted} inputMode="numeric" autofocus />
      </Field>
      <Note tone="warn">{t('growKeys')}</Note>
    </Dialog>
  );
}
