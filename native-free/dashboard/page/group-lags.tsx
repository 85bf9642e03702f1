/** How far groups are behind, and whether their members are slow or stuck, of all groups by one question. */
import { LIVE_MS, useAsked, useMay } from './ask.js';
import { count, ms } from './format.js';
import { href } from './route.js';
import { backend } from './session.js';
import type { Column } from './table.js';
import { t } from './text.js';
import { Tag } from './ui.js';

const LAG_MS = 3 * LIVE_MS;

interface Lag {
  readonly lag: number;
  /** Of the oldest message that waits; null: it cannot be told. */
  readonly lagMs: number | null;
  readonly state: 'slow' | 'stuck' | null;
}

/** null: not known, or not to be seen by this user. */
type Lags = ReadonlyMap<string, Lag> | null;

/** On one topic, or on all together. */
export function useLags(topic?: string): Lags {
  const seesLags = useMay('manage', 'cluster');
  const asked = useAsked<Lags>(
    `lags ${seesLags} ${topic ?? ''}`,
    async () => (seesLags ? askLags(topic) : null),
    LAG_MS,
  );
  return asked.value ?? null;
}

interface Named {
  readonly group: string;
}

export const groupColumn = {
  get name(): string {
    return t('group');
  },
  grow: 3,
  cell: ({ group }: Named) => <a href={href('groups', group)}>{group}</a>,
} as const satisfies Column<Named>;

export function lagColumns(lags: Lags): Column<Named>[] {
  return [
    {
      name: t('lag'),
      isNumber: true,
      cell: ({ group }) => (lags === null ? '–' : count(lags.get(group)?.lag ?? 0)),
    },
    {
      name: t('lagTime'),
      isNumber: true,
      cell: ({ group }) => {
        const lagMs = lags?.get(group)?.lagMs ?? null;
        return lagMs === null ? '–' : ms(lagMs);
      },
    },
    {
      name: t('state'),
      cell: ({ group }) => {
        const state = lags?.get(group)?.state ?? null;
        return state !== null && <Tag tone={state === 'stuck' ? 'bad' : 'warn'}>{t(state)}</Tag>;
      },
    },
  ];
}

async function askLags(topic: string | undefined): Promise<Lags> {
  const ofGroup = new Map<string, Lag>();
  for (const { group, topic: read, lag, lagMs, slow, stuck } of await backend().admin('groupLags')) {
    if (topic !== undefined && topic !== read) {
      continue;
    }
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
