/** All consumer groups, with what they have still to read. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { GroupInfo } from '../../../client/index.js';
import type { QueueStats } from '../../../wire/index.js';
import { LIVE_MS, useAsked, useMay, useMayChange } from '../ask.js';
import { count } from '../format.js';
import { groupList, setsHere, targetOf } from '../lists.js';
import { go, href } from '../route.js';
import { backend, isReadOnly } from '../session.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { Button, Dialog, FailureNote, Field, Input, Note, PageHead, Waiting } from '../ui.js';

const FIRST_ROWS = 100;
const MAX_FILTERED = 20_000;
const LAG_MS = 3 * LIVE_MS;

interface Lags {
  readonly isComplete: boolean;
  readonly ofGroup: ReadonlyMap<string, number>;
}

export function GroupsPage() {
  const filter = useSignal('');
  const isMaking = useSignal(false);
  const made = useSignal(0);
  const sought = filter.value.trim();
  const list = useMemo(() => groupList(sought), [sought, made.value]);
  useEffect(() => void list.upTo(sought === '' ? FIRST_ROWS : MAX_FILTERED), [list]);
  const seesLags = useMay('manage', 'cluster');
  const lags = useAsked<Lags | null>(`lags ${seesLags}`, async () => (seesLags ? askLags() : null), LAG_MS);
  const { rows, isComplete, isAsking, error } = list.state.value;
  const shown = sought === '' ? rows : rows.filter(({ group }) => group.includes(sought));
  return (
    <>
      <PageHead title={t('groups')}>
        <Input of={filter} type="search" placeholder={t('filter')} aria-label={t('filter')} />
        {!isReadOnly.value && (
          <Button
            tone="primary"
            onClick={() => {
              isMaking.value = true;
            }}
          >
            {t('createGroup')}
          </Button>
        )}
      </PageHead>
      {error !== null && <FailureNote failure={error} />}
      {lags.value?.isComplete === false && <Note tone="plain">{t('lagsCut')}</Note>}
      {rows.length === 0 && isAsking ? (
        <Waiting />
      ) : (
        <Table<GroupInfo>
          label={t('groups')}
          rows={shown}
          keyOf={({ group }) => group}
          onNear={(wanted) => void list.upTo(wanted)}
          empty={t('noGroups')}
          columns={[
            { name: t('name'), grow: 3, cell: ({ group }) => <a href={href('groups', group)}>{group}</a> },
            { name: t('members'), isNumber: true, cell: ({ members }) => count(members) },
            { name: t('lag'), isNumber: true, cell: ({ group }) => lagText(lags.value ?? null, group) },
            {
              name: t('topics'),
              grow: 3,
              cell: ({ topics, topicCount }) =>
                topics.slice(0, 3).join(', ') + (topicCount > 3 ? ` … ${count(topicCount)}` : ''),
            },
          ]}
        />
      )}
      <p class="under">{t(isComplete ? 'rowsAll' : 'rowsSome', { count: count(shown.length) })}</p>
      {isMaking.value && (
        <CreateGroup
          onClose={() => {
            isMaking.value = false;
            made.value++;
          }}
        />
      )}
    </>
  );
}

function lagText(lags: Lags | null, group: string): string {
  const lag = lags?.ofGroup.get(group);
  return lag !== undefined ? count(lag) : lags?.isComplete === true ? '0' : '–';
}

/** One question for all groups at each broker set. */
async function askLags(): Promise<Lags> {
  const answers = await Promise.all(
    setsHere().map((set) => backend().control(targetOf(set), 'queueStats', {})),
  );
  const ofGroup = new Map<string, number>();
  let isComplete = true;
  for (const answer of answers as unknown as QueueStats[]) {
    isComplete = isComplete && answer.isComplete;
    for (const { group, lag } of answer.lags) {
      ofGroup.set(group, (ofGroup.get(group) ?? 0) + lag);
    }
  }
  return { isComplete, ofGroup };
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
