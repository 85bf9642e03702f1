/** One consumer group: how far it is, who is in it, and where it is to go on. */
import { useSignal } from '@preact/signals';
import type { GroupMemberInfo, GroupQueueInfo, GroupReport } from '../../../wire/index.js';
import { LIVE_MS, useAsked, useMayChange } from '../ask.js';
import { Button, Field, Input } from '../controls.js';
import { DestroyDialog, Dialog } from '../dialog.js';
import { count, ms } from '../format.js';
import { go, href } from '../route.js';
import { backend, where } from '../session.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { Answer, Facts, Note, PageHead, Panel, Tag } from '../ui.js';
import { ResetDialog } from './group-reset.js';

type Open = 'reset' | 'delete' | 'pause' | 'resume' | 'skip' | null;

export function GroupPage({ group }: { group: string }) {
  const asked = useAsked<GroupReport>(group, () => backend().admin('describeGroup', group), LIVE_MS);
  const open = useSignal<Open>(null);
  const manages = useMayChange('manage', `group:${group}`);
  const close = (): void => {
    open.value = null;
    asked.again();
  };
  const show = (what: Open) => () => {
    open.value = what;
  };
  const topics = asked.value?.topics ?? [];
  return (
    <>
      <PageHead title={group} over={<a href={href('groups')}>{t('groups')}</a>}>
        {manages && (
          <>
            <Button tone="primary" onClick={show('reset')}>
              {t('reset')}
            </Button>
            {asked.value?.paused === true ? (
              <Button onClick={show('resume')}>{t('resume')}</Button>
            ) : (
              <Button onClick={show('pause')}>{t('pause')}</Button>
            )}
            <Button onClick={show('skip')}>{t('skipMessages')}</Button>
            <Button tone="danger" onClick={show('delete')}>
              {t('delete')}
            </Button>
          </>
        )}
      </PageHead>
      <Answer of={asked}>{(value) => <Group of={value} />}</Answer>
      {open.value === 'reset' && <ResetDialog group={group} topics={topics} onClose={close} />}
      {(open.value === 'pause' || open.value === 'resume') && (
        <PauseDialog group={group} isPause={open.value === 'pause'} onClose={close} />
      )}
      {open.value === 'skip' && (
        <SkipDialog group={group} queues={asked.value?.queues ?? []} onClose={close} />
      )}
      {open.value === 'delete' && (
        <DestroyDialog
          title={t('deleteGroup')}
          name={group}
          what={t('deleteGroupWhat', { group })}
          action={t('delete')}
          onDo={async () => {
            await backend().admin('deleteGroup', group);
            go('groups');
          }}
          onClose={close}
        />
      )}
    </>
  );
}

function Group({ of: group }: { of: GroupReport }) {
  const isCluster = where.value?.kind === 'cluster';
  const lag = group.queues.reduce((sum, queue) => sum + queue.lag, 0);
  const expired = group.queues.reduce((sum, queue) => sum + queue.expired, 0);
  const rows = group.queues;
  const lagTimes = rows.flatMap(({ lagMs }) => (typeof lagMs === 'number' ? [lagMs] : []));
  return (
    <>
      <Facts
        rows={[
          ['lag', `${count(lag)} ${t('messages')}`],
          ['lagTime', lagTimes.length === 0 ? '–' : ms(Math.max(...lagTimes))],
          ['members', count(group.members)],
          ['topics', count(group.topicCount)],
          ['expired', count(expired)],
          [
            'state',
            group.paused ? (
              <Tag key="state" tone="warn">
                {t('paused')}
              </Tag>
            ) : (
              t(group.members > 0 ? 'reading' : 'idle')
            ),
          ],
          ...(group.pausedTopics.length === 0 ? [] : [['pausedOn', group.pausedTopics.join(', ')] as const]),
        ]}
      />
      <Panel title={t('members')}>
        <Table<GroupMemberInfo>
          label={t('members')}
          rows={group.memberInfos}
          keyOf={({ memberId }) => memberId}
          empty={t('noMembers')}
          columns={[
            { name: t('member'), grow: 3, cell: ({ memberId }) => <code>{memberId}</code> },
            { name: t('queues'), isNumber: true, cell: ({ queues }) => count(queues) },
            { name: t('lag'), isNumber: true, cell: ({ lag: own }) => count(own) },
            {
              name: t('lagTime'),
              isNumber: true,
              cell: ({ lagMs }) => (typeof lagMs === 'number' ? ms(lagMs) : '–'),
            },
            {
              name: t('state'),
              cell: ({ state }) => (
                <Tag tone={state === 'stuck' ? 'bad' : state === 'slow' ? 'warn' : 'good'}>
                  {t(state === 'ok' ? 'fine' : state)}
                </Tag>
              ),
            },
          ]}
        />
      </Panel>
      <Panel title={t('queues')}>
        <Table<GroupQueueInfo>
          label={t('queues')}
          rows={rows}
          keyOf={(queue) => `${queue.topic} ${queue.brokerSet ?? ''}/${queue.queueId}`}
          empty={t('nothingRead')}
          columns={[
            { name: t('topic'), grow: 2, cell: ({ topic }) => <a href={href('topics', topic)}>{topic}</a> },
            ...(isCluster ? [{ name: t('set'), cell: ({ brokerSet }: GroupQueueInfo) => brokerSet }] : []),
            { name: t('queue'), isNumber: true, cell: ({ queueId }) => queueId },
            {
              name: t('committed'),
              isNumber: true,
              cell: ({ committedOffset }) => (committedOffset === null ? '–' : count(committedOffset)),
            },
            { name: t('nextOffset'), isNumber: true, cell: ({ maxOffset }) => count(maxOffset) },
            { name: t('lag'), isNumber: true, cell: ({ lag: own }) => count(own) },
            {
              name: t('lagTime'),
              isNumber: true,
              cell: ({ lagMs }) => (typeof lagMs === 'number' ? ms(lagMs) : '–'),
            },
            { name: t('expired'), isNumber: true, min: 100, cell: (queue) => count(queue.expired) },
            {
              name: t('member'),
              grow: 2,
              min: 184,
              cell: ({ memberId }) => (memberId === null ? '–' : <code>{memberId}</code>),
            },
          ]}
        />
      </Panel>
    </>
  );
}

function PauseDialog({ group, isPause, onClose }: { group: string; isPause: boolean; onClose: () => void }) {
  return (
    <Dialog
      title={t(isPause ? 'pause' : 'resume')}
      action={t(isPause ? 'pause' : 'resume')}
      done={t('done')}
      onClose={onClose}
      onDo={() => backend().admin(isPause ? 'pauseGroup' : 'resumeGroup', { group })}
    >
      <p>{t(isPause ? 'pauseWhat' : 'resumeWhat', { group })}</p>
    </Dialog>
  );
}

function SkipDialog({
  group,
  queues,
  onClose,
}: {
  group: string;
  queues: GroupQueueInfo[];
  onClose: () => void;
}) {
  const place = useSignal('');
  const many = useSignal('1');
  const chosen = queues.find((queue) => keyOf(queue) === place.value) ?? queues[0];
  const isNumber = /^[1-9]\d*$/.test(many.value);
  return (
    <Dialog
      title={t('skipMessages')}
      action={t('skipMessages')}
      tone="danger"
      isReady={chosen !== undefined && isNumber}
      done={t('done')}
      onClose={onClose}
      onDo={async () => {
        if (chosen !== undefined) {
          const { topic, queueId, brokerSet } = chosen;
          await backend().admin('skipMessages', {
            group,
            topic,
            queueId,
            count: Number(many.value),
            ...(brokerSet === undefined ? {} : { brokerSet }),
          });
        }
      }}
    >
      <Field name={t('queue')}>
        <select
          value={place.value}
          onChange={(event) => {
            place.value = event.currentTarget.value;
          }}
        >
          {queues.map((queue) => (
            <option key={keyOf(queue)} value={keyOf(queue)}>
              {keyOf(queue)}
            </option>
          ))}
        </select>
      </Field>
      <Field name={t('messages')}>
        <Input of={many} inputMode="numeric" />
      </Field>
      {chosen !== undefined && isNumber && (
        <Note tone="warn">
          {t('skipWhat', {
            group,
            count: count(Math.min(chosen.lag, Number(many.value))),
            offset: count((chosen.committedOffset ?? 0) + Math.min(chosen.lag, Number(many.value))),
          })}
        </Note>
      )}
    </Dialog>
  );
}

function keyOf({ topic, brokerSet, queueId }: GroupQueueInfo): string {
  return `${topic} ${brokerSet === undefined ? '' : `${brokerSet}/`}${queueId}`;
}
