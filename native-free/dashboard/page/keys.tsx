/** What the keyboard does on every page. */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { clearTimeout, setTimeout } from '../../time/index.js';
import { Button } from './controls.js';
import { palette } from './palette.js';
import { isCareful, language, theme } from './prefs.js';
import { go } from './route.js';
import { phase } from './session.js';
import { PAGES, t } from './text.js';

/** The second key of two must follow within this time. */
const PAIR_MS = 1_200;

const isHelpOpen = signal(false);
let isAfterG = false;
let pair: ReturnType<typeof setTimeout> | undefined;

export function onKey(event: KeyboardEvent): void {
  if (phase.value !== 'open' || event.ctrlKey || event.metaKey || event.altKey) {
    if (phase.value === 'open' && (event.ctrlKey || event.metaKey) && event.key === 'k') {
      event.preventDefault();
      palette.value = true;
    }
    return;
  }
  const { target } = event;
  const isWriting =
    target instanceof HTMLElement &&
    target.closest('input, textarea, select, dialog, [contenteditable]') !== null;
  if (isWriting) {
    return;
  }
  if (isAfterG) {
    isAfterG = false;
    const page = PAGES.find(({ key }) => key === event.key);
    if (page !== undefined) {
      event.preventDefault();
      go(page.name);
      return;
    }
  }
  switch (event.key) {
    case '/':
      event.preventDefault();
      palette.value = true;
      break;
    case '?':
      isHelpOpen.value = true;
      break;
    case 'g':
      isAfterG = true;
      clearTimeout(pair);
      pair = setTimeout(() => {
        isAfterG = false;
      }, PAIR_MS);
      break;
    case 'd':
      theme.value = theme.value === 'dark' ? 'light' : 'dark';
      break;
    case 'l':
      language.value = language.value === 'en' ? 'zh' : 'en';
      break;
    case 'r':
      isCareful.value = !isCareful.value;
      break;
  }
}

export function Shortcuts() {
  return isHelpOpen.value ? <Help /> : null;
}

function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const rows = [
    ['/', t('find')],
    ...PAGES.map(({ key, name }) => [`g ${key}`, t(name)]),
    ['d', t('themeHint')],
    ['l', '中文 / English'],
    ['r', t('readOnly')],
    ['?', t('shortcuts')],
  ] as const;
  return (
    <dialog
      ref={dialog}
      aria-label={t('shortcuts')}
      onClose={() => {
        isHelpOpen.value = false;
      }}
    >
      <h2>{t('shortcuts')}</h2>
      <dl class="keys">
        {rows.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <div class="buttons">
        <Button onClick={() => dialog.current?.close()}>{t('close')}</Button>
      </div>
    </dialog>
  );
}
