/** Parts that all pages are made of. */
import { type Signal, signal, useSignal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { clearTimeout, setTimeout } from '../../time/index.js';
import type { Asked } from './ask.js';
import { asFailure, rightsChanged } from './session.js';
import { type TextName, t } from './text.js';

type Children = { children?: ComponentChildren };
type Tone = 'plain' | 'good' | 'warn' | 'bad' | 'accent';

export interface Failure {
  code: string;
  message: string;
}

/** What a broker refused or could not do, in its own sentence. */
export function FailureNote({ failure, title }: { failure: Failure; title?: string }) {
  if (failure.code === 'NOT_SUPPORTED' && /knows no method/.test(failure.message)) {
    return <Note tone="plain">{t('notTold')}</Note>;
  }
  return (
    <div class={`note ${failure.code === 'NOT_ALLOWED' ? 'plain' : 'bad'}`} role="alert">
      {title && <strong>{title} </strong>}
      <code class="code">{failure.code}</code> {failure.message}
    </div>
  );
}

export function Note({ tone, children }: Children & { tone: Tone }) {
  return <div class={`note ${tone}`}>{children}</div>;
}

/** What a question brought: its value, what it is waiting for, or why there is none. */
export function Answer<T>({ of, children }: { of: Asked<T>; children: (value: T) => ComponentChildren }) {
  return (
    <>
      {of.error !== null && <FailureNote failure={of.error} />}
      {of.value === undefined ? of.error === null && <Waiting /> : children(of.value)}
    </>
  );
}

export function Waiting() {
  return (
    <div class="waiting" role="status">
      <span class="visually-hidden">{t('waiting')}</span>
    </div>
  );
}

export function Empty({ children }: Children) {
  return <p class="empty">{children}</p>;
}

export function Tag({ tone = 'plain', children }: Children & { tone?: Tone }) {
  return <span class={`tag ${tone}`}>{children}</span>;
}

export function PageHead({ title, over, children }: Children & { title: string; over?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · RingMQ`;
  }, [title]);
  return (
    <header class="page-head">
      <div>
        {over && <div class="over">{over}</div>}
        <h1>{title}</h1>
      </div>
      {children && <div class="actions">{children}</div>}
    </header>
  );
}

export function Panel({ title, aside, children }: Children & { title: string; aside?: ComponentChildren }) {
  const id = useId();
  return (
    <section class="panel" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {aside && <div class="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** A figure with its name. */
export function Figure({
  name,
  value,
  more,
  tone,
}: {
  name: string;
  value: ComponentChildren;
  more?: ComponentChildren;
  tone?: Tone;
}) {
  return (
    <div class={`figure ${tone ?? ''}`}>
      <dt>{name}</dt>
      <dd>
        <span class="value">{value}</span>
        {more && <span class="more">{more}</span>}
      </dd>
    </div>
  );
}

export function Meter({ name, part, tone = 'accent' }: { name: string; part: number; tone?: Tone }) {
  const value = Math.round(Math.min(1, Math.max(0, part)) * 100);
  return (
    <svg
      class={`meter ${tone}`}
      viewBox="0 0 100 4"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${name}: ${value} %`}
    >
      <rect class="whole" width="100" height="4" />
      <rect class="part" width={value} height="4" />
    </svg>
  );
}

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

/** Pages of one thing. */
export function Tabs<T extends string>({
  of,
  tabs,
  href,
}: {
  of: T;
  tabs: readonly (readonly [T, string])[];
  href: (tab: T) => string;
}) {
  return (
    <nav class="tabs" aria-label={t('parts')}>
      {tabs.map(([tab, name]) => (
        <a key={tab} href={href(tab)} aria-current={tab === of ? 'page' : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}

/** What is to be done, with a form before it. It stays open with the sentence of what went wrong. */
export function Dialog({
  title,
  action,
  tone = 'primary',
  isReady = true,
  onDo,
  onClose,
  done,
  children,
}: Children & {
  title: string;
  action: string;
  tone?: 'primary' | 'danger';
  isReady?: boolean;
  onDo: () => Promise<unknown>;
  onClose: () => void;
  /** Said when it is done; null: the dialog stays, with what `onDo` shows in it. */
  done: string | null;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isDoing = useSignal(false);
  const failure = useSignal<Failure | null>(null);
  const id = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const submit = async (): Promise<void> => {
    isDoing.value = true;
    failure.value = null;
    try {
      await onDo();
      if (done !== null) {
        say(done);
        dialog.current?.close();
      }
    } catch (error) {
      failure.value = asFailure(error);
      if (failure.value.code === 'NOT_ALLOWED') {
        rightsChanged();
      }
    } finally {
      isDoing.value = false;
    }
  };
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby={id}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !isDoing.value) {
            void submit();
          }
        }}
      >
        <h2 id={id}>{title}</h2>
        <div class="dialog-body">{children}</div>
        {failure.value !== null && <FailureNote failure={failure.value} />}
        <footer>
          <Button onClick={() => dialog.current?.close()}>{t('cancel')}</Button>
          <Button type="submit" tone={tone} disabled={!isReady || isDoing.value}>
            {isDoing.value ? t('doing') : action}
          </Button>
        </footer>
      </form>
    </dialog>
  );
}

/** Who destroys something writes its name first. */
export function DestroyDialog({
  title,
  name,
  what,
  action,
  onDo,
  onClose,
}: {
  title: string;
  name: string;
  what: string;
  action: string;
  onDo: () => Promise<unknown>;
  onClose: () => void;
}) {
  const written = useSignal('');
  return (
    <Dialog
      title={title}
      action={action}
      tone="danger"
      isReady={written.value === name}
      onDo={onDo}
      onClose={onClose}
      done={t('done')}
    >
      <p>{what}</p>
      <Field name={t('writeName', { name })}>
        <Input of={written} autofocus />
      </Field>
    </Dialog>
  );
}

const SAID_MS = 5_000;
const said = signal<readonly { id: number; text: string }[]>([]);
let sayings = 0;

/** Told in a corner for a moment, and to screen readers. */
export function say(text: string): void {
  const id = ++sayings;
  said.value = [...said.value.slice(-3), { id, text }];
  setTimeout(() => {
    said.value = said.value.filter((each) => each.id !== id);
  }, SAID_MS);
}

export function Sayings() {
  return (
    <div class="sayings" role="status" aria-live="polite">
      {said.value.map(({ id, text }) => (
        <div key={id} class="saying">
          {text}
        </div>
      ))}
    </div>
  );
}

/** Names and values of one thing. */
export function Facts({ rows }: { rows: readonly (readonly [TextName, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{t(name)}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
