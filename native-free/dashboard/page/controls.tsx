/** What is pressed, written and chosen. */
import { type Signal, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { clearTimeout, setTimeout } from '../../time/index.js';
import { t } from './text.js';
import type { Children } from './ui.js';

export function Button({
  onClick,
  tone = 'plain',
  disabled = false,
  type = 'button',
  title,
  children,
}: Children & {
  onClick?: () => void;
  tone?: 'plain' | 'primary' | 'danger' | 'quiet';
  disabled?: boolean;
  type?: 'button' | 'submit';
  title?: string;
}) {
  return (
    <button type={type} class={`button ${tone}`} disabled={disabled} title={title} onClick={onClick}>
      {children}
    </button>
  );
}

/** What is shown is asked for anew: `of` counts how often. */
export function LookAgain({ of }: { of: Signal<number> }) {
  return (
    <Button
      onClick={() => {
        of.value++;
      }}
    >
      {t('lookAgain')}
    </Button>
  );
}

export function Field({ name, hint, children }: { name: string; hint?: string; children: JSX.Element }) {
  return (
    <label class="field">
      <span class="name">{name}</span>
      {children}
      {hint && <span class="hint">{hint}</span>}
    </label>
  );
}

/** A list is asked for anew once nothing has been written for so long. */
const WRITTEN_MS = 200;
/** As long as brokers take them. */
const MAX_FILTER_CHARACTERS = 255;

/** What a list's names are to have in them. */
export function Filter({ of }: { of: Signal<string> }) {
  const text = useSignal(of.value);
  useEffect(() => {
    const timer = setTimeout(() => {
      of.value = text.value.trim();
    }, WRITTEN_MS);
    return () => clearTimeout(timer);
  }, [text.value]);
  return (
    <Input
      of={text}
      type="search"
      placeholder={t('filter')}
      aria-label={t('filter')}
      maxLength={MAX_FILTER_CHARACTERS}
    />
  );
}

/** Which moment a local time is taken for: an hour that a clock change leaves out or repeats is not what it seems. */
export function MomentHint({ of }: { of: string }) {
  const time = new Date(of).getTime();
  return (
    <p class="hint">
      {t('localTime', { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })}
      {!Number.isNaN(time) && ` ${t('meansMoment', { moment: new Date(time).toISOString() })}`}
    </p>
  );
}

interface InputProps {
  of: Signal<string>;
  type?: 'text' | 'search' | 'password' | 'datetime-local';
  name?: string;
  placeholder?: string;
  autocomplete?: string;
  inputMode?: 'numeric';
  list?: string;
  step?: number;
  maxLength?: number;
  autofocus?: boolean;
  required?: boolean;
  role?: 'combobox';
  'aria-label'?: string;
  'aria-expanded'?: boolean;
  'aria-controls'?: string;
  'aria-activedescendant'?: string | undefined;
}

export function Input({ of, ...rest }: InputProps) {
  // Its attributes are those of an input, which are declared a kind at a time.
  const attributes: object = { autocomplete: 'off', spellcheck: false, ...rest };
  return (
    <input
      {...attributes}
      value={of.value}
      onInput={(event) => {
        of.value = event.currentTarget.value;
      }}
    />
  );
}

export function Choice<T extends string>({
  of,
  options,
  label,
}: {
  of: Signal<T>;
  options: readonly (readonly [value: T, name: string])[];
  label?: string;
}) {
  return (
    <select
      aria-label={label}
      value={of.value}
      onChange={(event) => {
        of.value = event.currentTarget.value as T;
      }}
    >
      {options.map(([value, name]) => (
        <option key={value} value={value}>
          {name}
        </option>
      ))}
    </select>
  );
}

export function Check({ of, children }: Children & { of: Signal<boolean> }) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={of.value}
        onChange={(event) => {
          of.value = event.currentTarget.checked;
        }}
      />
      <span>{children}</span>
    </label>
  );
}
