/** All consumer groups, with what they have still to read. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { GroupInfo } from '../../../client/index.js';
import { LIVE_MS, useAsked, useMay, useMayChange } from '../ask.js';
import { count, ms } from '../format.js';
import { groupList } from '../lists.js';
import { go, href } from '../route.js';
import { backend, isReadOnly } from '../session.js';
import { Table } from '../table.js';
import { t } from '../text.js';
import { Button, Dialog, FailureNote, Field, Input, Note, PageHead, Tag, Waiting } from '../ui.js';

const FIRST_ROWS = 100;
const MAX_FILTERED = 20_000;
const LAG_MS = 3 * LIVE_MS;

interface Lag {
  readonly lag: number;
  /** Of the oldest message that waits; null: it cannot be told. */
  readonly lagMs: number | null;
  readonly state: 'slow' | 'stuck' | null;
}

type Lags = ReadonlyMap<string, Lag>;

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
            {
              name: t('lag'),
              isNumber: true,
              cell: ({ group }) => lagText(lags.value ?? null, group),
            },
            {
              name: t('lagTime'),
              isNumber: true,
              cell: ({ group }) => {
                const lagMs = lags.value?.get(group)?.lagMs ?? null;
                return lagMs === null ? '–' : ms(lagMs);
              },
            },
            {
              name: t('state'),
              cell: ({ group }) => {
                const state = lags.value?.get(group)?.state ?? null;
                return state !== null && <Tag tone={state === 'stuck' ? 'bad' : 'warn'}>{t(state)}</Tag>;
              },
            },
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
  return lags === null ? '–' : count(lags.get(group)?.lag ?? 0);
}

/** One question for all groups. */
async function askLags(): Promise<Lags> {
  const ofGroup = new Map<string, Lag>();
  for (const { group, lag, lagMs, slow, stuck } of await backend().admin('groupLags')) {
    const before = ofGroup.get(group);
    const state = stuck > 0 ? 'stuck' : slow > 0 ? 'slow' : null;
    ofGroup.set(group, {
      lag: lag + (before?.lag ?? 0),
      lagMs: lagMs === null || before?.lagMs === null ? null : Math.max(lagMs, before?.lagMs ?? 0),
      state: before?.state === 'stuck' ? 'stuck' : (state ?? before?.state ?? null),
    });
  }
  return ofGroup;
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
