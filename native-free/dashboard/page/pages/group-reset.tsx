/** Setting where a group goes on, with what that would do before it is done. */
import { useSignal } from '@preact/signals';
import type { StartPosition } from '../../../wire/index.js';
import { Button, Choice, Field, Input, MomentHint } from '../controls.js';
import { Dialog, say } from '../dialog.js';
import { count, moment } from '../format.js';
import { type PlannedQueue, planCopy, planReset } from '../group-plan.js';
import { backend } from '../session.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { Note } from '../ui.js';

type To = 'earliest' | 'latest' | 'time' | 'offset' | 'group';

export function ResetDialog({
  group,
  topics,
  onClose,
}: {
  group: string;
  topics: readonly string[];
  onClose: () => void;
}) {
  const topic = useSignal(topics[0] ?? '');
  const to = useSignal<To>('latest');
  const text = useSignal('');
  const plan = useSignal<{ of: string; queues: PlannedQueue[] } | null>(null);
  const position = positionOf(to.value, text.value.trim());
  const isCopy = to.value === 'group';
  const isReady = topic.value.trim() !== '' && (isCopy ? text.value.trim() !== '' : position !== null);
  const key = `${topic.value.trim()} ${to.value} ${to.value === 'earliest' || to.value === 'latest' ? '' : text.value.trim()}`;
  const shown = plan.value?.of === key ? plan.value.queues : null;
  const onDo = async (): Promise<void> => {
    const name = topic.value.trim();
    if (shown === null) {
      const queues = isCopy
        ? await planCopy(group, name, text.value.trim())
        : await planReset(group, name, position as StartPosition);
      plan.value = { of: key, queues };
      return;
    }
    if (isCopy) {
      await backend().admin('copyOffsets', { from: text.value.trim(), to: group, topic: name });
    } else {
      await backend().admin('resetOffset', { group, topic: name, to: position as StartPosition });
    }
    say(t('resetDone', { group, count: count(shown.length) }));
    onClose();
  };
  return (
    <Dialog
      title={t('resetOf', { group })}
      action={shown === null ? t('dryRun') : t('resetNow')}
      tone={shown === null ? 'primary' : 'danger'}
      isReady={isReady}
      done={null}
      onClose={onClose}
      onDo={onDo}
    >
      <Field name={t('topic')}>
        <Input of={topic} list="reset-topics" />
      </Field>
      <datalist id="reset-topics">
        {topics.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      <div class="pair">
        <Field name={t('goOnAt')}>
          <Choice<To>
            of={to}
            options={[
              ['latest', t('latest')],
              ['earliest', t('earliest')],
              ['time', t('fromTime')],
              ['offset', t('fromOffset')],
              ['group', t('whereGroupIs')],
            ]}
          />
        </Field>
        {(to.value === 'time' || to.value === 'offset' || isCopy) && (
          <Field name={t(to.value === 'time' ? 'time' : isCopy ? 'group' : 'offset')}>
            <Input of={text} type={to.value === 'time' ? 'datetime-local' : 'text'} step={1} />
          </Field>
        )}
      </div>
      {to.value === 'time' && <MomentHint of={text.value} />}
      {shown !== null && <Plan queues={shown} />}
      {shown !== null && (
        <Button
          tone="quiet"
          onClick={() => {
            plan.value = null;
          }}
        >
          {t('otherPlan')}
        </Button>
      )}
    </Dialog>
  );
}

function Plan({ queues }: { queues: readonly PlannedQueue[] }) {
  const again = queues.reduce((sum, { step }) => sum + Math.max(0, -step), 0);
  const passed = queues.reduce((sum, { step }) => sum + Math.max(0, step), 0);
  return (
    <>
      <Note tone={passed > 0 ? 'warn' : 'plain'}>
        {t('planSays', { again: count(again), passed: count(passed) })}
      </Note>
      <Table<PlannedQueue>
        label={t('plan')}
        rows={queues}
        keyOf={({ brokerSet, queueId }) => `${brokerSet ?? ''}/${queueId}`}
        columns={[
          {
            name: t('queue'),
            cell: ({ brokerSet, queueId }) => `${brokerSet === null ? '' : `${brokerSet}/`}${queueId}`,
          },
          { name: t('now'), isNumber: true, cell: ({ now }) => (now === null ? '–' : count(now)) },
          { name: t('thenAt'), isNumber: true, cell: ({ after }) => count(after) },
          {
            name: t('difference'),
            isNumber: true,
            cell: ({ step }) => (step > 0 ? `+${count(step)}` : count(step)),
          },
        ]}
      />
      <p class="hint">{t('planAt', { time: moment(Date.now()) })}</p>
    </>
  );
}

/** null: it is not complete. */
function positionOf(to: To, text: string): StartPosition | null {
  if (to === 'earliest' || to === 'latest') {
    return to;
  }
  if (to === 'offset') {
    return /^\d{1,15}$/.test(text) ? { offset: Number(text) } : null;
  }
  const time = new Date(text).getTime();
  return Number.isNaN(time) ? null : { time };
}
