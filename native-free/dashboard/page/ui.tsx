/** Parts that all pages are made of. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId } from 'preact/hooks';
import type { Asked } from './ask.js';
import { type TextName, t } from './text.js';

export type Children = { children?: ComponentChildren };
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
