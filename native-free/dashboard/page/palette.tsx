/** Going somewhere by writing a part of its name: pages, topics and groups. */
import { signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Input } from './controls.js';
import { groupList, topicList } from './lists.js';
import { go } from './route.js';
import { PAGES, t } from './text.js';

export const palette = signal(false);

const MAX_SHOWN = 12;
/** So many names are looked through. */
const MAX_NAMES = 10_000;

interface Goal {
  readonly kind: string;
  readonly name: string;
  readonly to: readonly string[];
}

export function Palette() {
  const dialog = useRef<HTMLDialogElement>(null);
  const text = useSignal('');
  const at = useSignal(0);
  const names = useSignal<readonly Goal[]>([]);
  useEffect(() => {
    dialog.current?.showModal();
    const topics = topicList();
    const groups = groupList();
    void Promise.allSettled([topics.upTo(MAX_NAMES), groups.upTo(MAX_NAMES)]).then(() => {
      names.value = [
        ...topics.state.value.rows.map(({ topic }) => ({
          kind: t('topic'),
          name: topic,
          to: ['topics', topic],
        })),
        ...groups.state.value.rows.map(({ group }) => ({
          kind: t('group'),
          name: group,
          to: ['groups', group],
        })),
      ];
    });
  }, []);
  const pages = PAGES.map(({ name }) => ({ kind: t('page'), name: t(name), to: [name] }));
  const sought = text.value.trim().toLowerCase();
  const found = [...pages, ...names.value]
    .map((goal) => ({ goal, rank: rankOf(goal.name.toLowerCase(), sought) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => a.rank - b.rank)
    .slice(0, MAX_SHOWN)
    .map(({ goal }) => goal);
  const chosen = Math.min(at.value, Math.max(0, found.length - 1));
  const take = (goal: Goal | undefined): void => {
    dialog.current?.close();
    if (goal !== undefined) {
      go(...goal.to);
    }
  };
  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label={t('find')}
      onClose={() => {
        palette.value = false;
      }}
      onClick={(event) => {
        if (event.target === dialog.current) {
          dialog.current?.close();
        }
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          take(found[chosen]);
        }}
        onKeyDown={(event) => {
          const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
          if (step !== 0) {
            event.preventDefault();
            at.value = Math.min(found.length - 1, Math.max(0, chosen + step));
          }
        }}
      >
        <Input
          of={text}
          autofocus
          placeholder={t('findHint')}
          role="combobox"
          aria-label={t('findHint')}
          aria-expanded={true}
          aria-controls="goals"
          aria-activedescendant={found.length > 0 ? `goal-${chosen}` : undefined}
        />
        <div id="goals" role="listbox" aria-label={t('find')}>
          {found.map((goal, i) => (
            <div
              key={`${goal.kind} ${goal.name}`}
              id={`goal-${i}`}
              role="option"
              tabIndex={-1}
              aria-selected={i === chosen}
              onClick={() => take(goal)}
            >
              <span>{goal.name}</span>
              <span class="quiet">{goal.kind}</span>
            </div>
          ))}
        </div>
        {found.length === 0 && <p class="empty">{t('nothing')}</p>}
      </form>
    </dialog>
  );
}

/** What begins with it comes first; -1: it is not in it. */
function rankOf(name: string, sought: string): number {
  const index = name.indexOf(sought);
  return index < 0 ? -1 : index === 0 ? 0 : 1;
}
