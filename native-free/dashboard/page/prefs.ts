/** What the person at the screen has chosen, kept by the browser. Nothing secret is in it. */
import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';
export type Language = 'en' | 'zh';

const THEMES: readonly Theme[] = ['system', 'light', 'dark'];
const LANGUAGES: readonly Language[] = ['en', 'zh'];

export const theme = signal<Theme>(kept('theme', THEMES) ?? 'system');
export const language = signal<Language>(
  kept('language', LANGUAGES) ?? (navigator.language.startsWith('zh') ? 'zh' : 'en'),
);
const dark = matchMedia('(prefers-color-scheme: dark)');
/** What the system asks for. */
export const isSystemDark = signal(dark.matches);
dark.addEventListener('change', () => {
  isSystemDark.value = dark.matches;
});
/** Nothing that changes anything is offered, or done. */
export const isCareful = signal(kept('careful', ['yes', 'no']) === 'yes');

effect(() => {
  keep('theme', theme.value);
  document.documentElement.dataset['theme'] = theme.value;
});
effect(() => {
  keep('language', language.value);
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en';
});
effect(() => keep('careful', isCareful.value ? 'yes' : 'no'));

/** Brokers behind this address have asked for a login before. */
export function wasLoginNeeded(): boolean {
  return kept('login', ['needed']) === 'needed';
}

export function keepLoginNeeded(): void {
  keep('login', 'needed');
}

function kept<T extends string>(name: string, allowed: readonly T[]): T | undefined {
  try {
    const value = localStorage.getItem(`ringmq.${name}`);
    return allowed.find((each) => each === value);
  } catch {
    // A browser may keep nothing.
    return undefined;
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`ringmq.${name}`, value);
  } catch {
    // It holds until the page is closed.
  }
}
