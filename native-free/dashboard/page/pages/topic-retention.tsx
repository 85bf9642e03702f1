/** How long messages of a topic are given out: says what that takes away before it is done. */
import { useSignal } from '@preact/signals';
import type { TopicDescription } from '../../../client/index.js';
import { MIN_TOPIC_RETENTION_MS } from '../../../wire/limits.js';
import { Field, Input } from '../controls.js';
import { Dialog } from '../dialog.js';
import { backend } from '../session.js';
import { t } from '../text.js';
import { Note } from '../ui.js';

const HOUR_MS = 3_600_000;

export function RetentionDialog({ topic, onClose }: { topic: TopicDescription; onClose: () => void }) {
  const { retentionMs } = topic;
  const hours = useSignal(retentionMs === undefined ? '' : `${retentionMs / HOUR_MS}`);
  const text = hours.value.trim();
  const wanted = text === '' ? null : Math.round(Number(text) * HOUR_MS);
  // What is too long the broker refuses.
  const isReady = wanted === null || wanted >= MIN_TOPIC_RETENTION_MS;
  return (
    <Dialog
      title={t('retention')}
      action={t('retention')}
      tone="danger"
      isReady={isReady}
      done={t('done')}
      onClose={onClose}
      onDo={() => backend().admin('setTopicRetention', { topic: topic.topic, retentionMs: wanted })}
    >
      <Field name={t('retention')} hint={t('retentionHint')}>
        <Input of={hours} inputMode="numeric" autofocus />
      </Field>
      <Note tone="warn">{t('retentionWhat', { topic: topic.topic })}</Note>
    </Dialog>
  );
}
