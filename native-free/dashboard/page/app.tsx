/** The frame around all pages: where to go, who is looked at, and how it stands with the connection. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { useMay } from './ask.js';
import { Button } from './controls.js';
import { Sayings } from './dialog.js';
import { onKey, Shortcuts } from './keys.js';
import { LoginPage } from './login.js';
import { AccessPage } from './pages/access.js';
import { SetPassword } from './pages/access-dialogs.js';
import { AuditPage } from './pages/audit.js';
import { ClientsPage } from './pages/clients.js';
import { ClusterPage } from './pages/cluster.js';
import { ConfigurationPage } from './pages/configuration.js';
import { GroupPage } from './pages/group.js';
import { GroupsPage } from './pages/groups.js';
import { OverviewPage } from './pages/overview.js';
import { TopicPage } from './pages/topic.js';
import { TopicsPage } from './pages/topics.js';
import { Palette, palette } from './palette.js';
import { isCareful, language, theme } from './prefs.js';
import { href, place } from './route.js';
import { away, begin, failure, hasPassword, isReadOnly, logOut, lost, phase, where } from './session.js';
import { PAGES, type PageName, t } from './text.js';
import { Empty, FailureNote, PageHead, Waiting } from './ui.js';

export function App() {
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => onKey(event);
    addEventListener('keydown', listener);
    return () => removeEventListener('keydown', listener);
  }, []);
  return (
    <>
      <Content />
      <Sayings />
      <Shortcuts />
    </>
  );
}

function Content() {
  switch (phase.value) {
    case 'connecting':
      return (
        <main class="alone">
          <Waiting />
        </main>
      );
    case 'login':
      return <LoginPage />;
    case 'failed':
      return (
        <main class="alone">
          <div class="login">
            <h1>RingMQ</h1>
            {failure.value && <FailureNote failure={failure.value} />}
            <Button tone="primary" onClick={() => void begin()}>
              {t('tryAgain')}
            </Button>
          </div>
        </main>
      );
    default:
      return <Frame />;
  }
}

function Frame() {
  const [here = 'overview', ...rest] = place.value;
  return (
    <div class="frame">
      <a class="skip" href="#content" onClick={toContent}>
        {t('skip')}
      </a>
      <Side here={here} />
      <Top />
      <main id="content" tabIndex={0}>
        {lost.value !== null && (
          <div class="note bad lost" role="alert">
            <strong>{t('lost')}</strong> {lost.value} {t('lostMore')}
          </div>
        )}
        {lost.value === null && away.value.length > 0 && here !== 'overview' && here !== 'cluster' && (
          <div class="note bad lost" role="alert">
            {t('setsAway', { sets: away.value.join(', ') })} <a href={href('cluster')}>{t('cluster')}</a>
          </div>
        )}
        <Page here={here} rest={rest} />
      </main>
      {palette.value && <Palette />}
    </div>
  );
}

/** A link to `#content` would be a place of its own. */
function toContent(event: Event): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

/**
 * What is shown at each place of the side bar. A page that comes, such as one of dead letters, delayed messages,
 * transactions or traces, gets a line in PAGES (with its name in both languages and its key) and one here: a name
 * without a page does not compile, and until there is one nothing of it is to be seen. Parts of a topic are in the
 * same way in `pages/topic.tsx`; what is told of one message is in `Opened` of `pages/messages.tsx`.
 */
const PLACES: Record<PageName, (name: string | undefined, part: string) => JSX.Element> = {
  overview: () => <OverviewPage />,
  cluster: () => <ClusterPage />,
  topics: (name, part) =>
    name === undefined ? <TopicsPage /> : <TopicPage key={name} topic={name} part={part} />,
  groups: (name) => (name === undefined ? <GroupsPage /> : <GroupPage key={name} group={name} />),
  clients: () => <ClientsPage />,
  users: (name) => <AccessPage part={name ?? ''} />,
  audit: () => <AuditPage />,
  configuration: () => <ConfigurationPage />,
};

function Page({ here, rest }: { here: string; rest: readonly string[] }) {
  const [name, part = ''] = rest;
  const known = PAGES.find((each) => each.name === here);
  return known === undefined ? (
    <>
      <PageHead title={t('noPage')} />
      <Empty>
        <a href={href('overview')}>{t('overview')}</a>
      </Empty>
    </>
  ) : (
    PLACES[known.name](name, part)
  );
}

function Side({ here }: { here: string }) {
  const managesCluster = useMay('manage', 'cluster');
  const shown = PAGES.filter(({ needsCluster }) => managesCluster || !needsCluster);
  return (
    <nav class="side" aria-label={t('pages')}>
      <a class="brand" href={href('overview')}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <circle class="ring" cx="12" cy="12" r="8" />
          <circle class="bead" cx="19" cy="8" r="3" />
        </svg>
        RingMQ
      </a>
      <ul>
        {shown.map(({ name, key }) => (
          <li key={name}>
            <a href={href(name)} aria-current={here === name ? 'page' : undefined}>
              <span>{t(name)}</span>
              <kbd aria-hidden="true">{key}</kbd>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

const THEME_TEXT = { system: 'themeSystem', light: 'themeLight', dark: 'themeDark' } as const;
const NEXT_THEME = { system: 'light', light: 'dark', dark: 'system' } as const;

/** Who is logged in may have another password, whatever else that user may do. */
function Whom({ user }: { user: string }) {
  const isSetting = useSignal(false);
  return (
    <>
      {hasPassword.value && !isReadOnly.value ? (
        <Button
          tone="quiet"
          title={t('passwordOf', { user })}
          onClick={() => {
            isSetting.value = true;
          }}
        >
          {user}
        </Button>
      ) : (
        <span class="quiet">{user}</span>
      )}
      <Button tone="quiet" onClick={() => void logOut()}>
        {t('logOut')}
      </Button>
      {isSetting.value && (
        <SetPassword
          user={user}
          onClose={() => {
            isSetting.value = false;
          }}
        />
      )}
    </>
  );
}

function Top() {
  const known = where.value;
  return (
    <div class="top" role="banner">
      <div class="whom">
        <span class={`dot ${lost.value === null ? 'good' : 'bad'}`} aria-hidden="true" />
        <strong>{known?.name}</strong>
        <span class="quiet">
          {known?.kind === 'cluster' ? t('clusterOf', { count: String(known.sets.length) }) : t('oneBroker')}
        </span>
      </div>
      <button
        type="button"
        class="finder"
        onClick={() => {
          palette.value = true;
        }}
      >
        {t('find')} <kbd>/</kbd>
      </button>
      <div class="choices">
        {known?.readOnly === true ? (
          <span class="tag warn">{t('readOnly')}</span>
        ) : (
          <button
            type="button"
            class={`button quiet ${isReadOnly.value ? 'on' : ''}`}
            aria-pressed={isReadOnly.value}
            title={t('readOnlyHint')}
            onClick={() => {
              isCareful.value = !isCareful.value;
            }}
          >
            {t('readOnly')}
          </button>
        )}
        <button
          type="button"
          class="button quiet"
          title={t('themeHint')}
          onClick={() => {
            theme.value = NEXT_THEME[theme.value];
          }}
        >
          {t(THEME_TEXT[theme.value])}
        </button>
        <button
          type="button"
          class="button quiet"
          lang={language.value === 'en' ? 'zh-CN' : 'en'}
          onClick={() => {
            language.value = language.value === 'en' ? 'zh' : 'en';
          }}
        >
          {language.value === 'en' ? '中文' : 'English'}
        </button>
        {known !== null && known.user !== null && <Whom user={known.user} />}
      </div>
    </div>
  );
}
