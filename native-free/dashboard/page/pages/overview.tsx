/** How it stands, the broken first. */
import type { BrokerStats } from '../../../client/index.js';
import { LIVE_MS, useAsked } from '../ask.js';
import { Chart } from '../chart.js';
import { bytes, count, ms, percent, rate } from '../format.js';
import { problemsOf } from '../health.js';
import { askPast, type Day, type Past } from '../history.js';
import { href } from '../route.js';
import { where } from '../session.js';
import { t } from '../text.js';
import { Answer, Figure, Meter, Note, PageHead, Panel } from '../ui.js';
import { type Looks, look, type Moment } from '../watch.js';

const HISTORY_MS = 30_000;
/** Over so many looks the growth of the log is taken. */
const GROWTH_LOOKS = 30;

export function OverviewPage() {
  const looks = useAsked<Looks>('overview', look, LIVE_MS);
  const past = useAsked<Past>('history', askPast, HISTORY_MS);
  return (
    <>
      <PageHead title={t('overview')} over={where.value?.name} />
      {looks.error?.code === 'NOT_ALLOWED' ? (
        <Note tone="plain">
          {t('overviewNotAllowed')} <a href={href('topics')}>{t('topics')}</a>,{' '}
          <a href={href('groups')}>{t('groups')}</a>
        </Note>
      ) : (
        <Answer of={looks}>{(value) => <Overview looks={value} past={past.value ?? null} />}</Answer>
      )}
    </>
  );
}

function Overview({ looks, past }: { looks: Looks; past: Past | null }) {
  const stats = looks.sets.flatMap((set) => (set.stats === null ? [] : [set.stats]));
  const now = looks.moments.at(-1);
  const leastFree = now?.diskFreeBytes ?? null;
  const fullInMs = past?.fullInMs === undefined ? fullSoon(looks.moments) : past.fullInMs;
  const sum = (of: (stats: BrokerStats) => number): number =>
    stats.reduce((total, each) => total + of(each), 0);
  const backlogs = stats.map(({ backlog }) => backlog);
  const backlog = backlogs.includes(null) ? null : backlogs.reduce<number>((a, b) => a + (b ?? 0), 0);
  const lagMs = now?.replicaLagMs ?? 0;
  const hasReplicas = looks.sets.some(({ standing }) => (standing?.replicas.length ?? 0) > 0);
  const syncs = stats.map(({ log }) => log.syncs);
  const highest = (values: readonly (number | null)[]): string => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? '–' : ms(Math.max(...known));
  };
  return (
    <>
      <Health looks={looks} fullInMs={fullInMs} />
      <dl class="figures">
        <Figure
          name={t('messagesIn')}
          value={now?.inRate == null ? '–' : `${rate(now.inRate)}/s`}
          more={now?.inBytes == null ? '' : `${bytes(now.inBytes)}/s`}
        />
        <Figure
          name={t('messagesOut')}
          value={now?.outRate == null ? '–' : `${rate(now.outRate)}/s`}
          more={now?.outBytes == null ? '' : `${bytes(now.outBytes)}/s`}
        />
        <Figure name={t('backlog')} value={backlog === null ? '–' : count(backlog)} more={t('messages')} />
        <Figure
          name={t('flush')}
          value={highest(syncs.map(({ p50Ms }) => p50Ms))}
          more={`p99 ${highest(syncs.map(({ p99Ms }) => p99Ms))}`}
        />
        <Figure
          name={t('diskFree')}
          value={leastFree === null ? '–' : bytes(leastFree)}
          more={fullInMs === null ? t('fullNever') : t('fullIn', { time: ms(fullInMs) })}
        />
        <Figure
          name={t('ring')}
          value={now?.ringPart == null ? '–' : percent(now.ringPart)}
          more={
            <Meter
              name={t('ring')}
              part={now?.ringPart ?? 0}
              tone={(now?.ringPart ?? 0) > 0.8 ? 'warn' : 'accent'}
            />
          }
        />
        <Figure
          name={t('replicaLag')}
          value={hasReplicas ? ms(lagMs) : '–'}
          more={hasReplicas ? '' : t('noReplicas')}
        />
        <Figure
          name={t('connections')}
          value={count(sum(({ connections }) => connections))}
          more={t('topicsAndGroups', {
            topics: count(Math.max(0, ...stats.map(({ topics }) => topics))),
            groups: count(Math.max(0, ...stats.map(({ groups }) => groups))),
          })}
        />
      </dl>
      <Charts
        moments={looks.moments}
        history={past?.day ?? null}
        ringBytes={Math.max(
          1,
          sum(({ log }) => log.ringBytes),
        )}
      />
    </>
  );
}

function Health({ looks, fullInMs }: { looks: Looks; fullInMs: number | null }) {
  const problems = problemsOf(looks, fullInMs);
  if (problems.length === 0) {
    const brokers = looks.brokers?.length ?? looks.sets.length;
    return (
      <div class="health good">
        <span class="dot good" aria-hidden="true" />
        {t('allWell', { count: String(brokers) })}
      </div>
    );
  }
  return (
    <ul class="health" aria-label={t('problems')}>
      {problems.map(({ tone, who, what, to }) => (
        <li key={`${who} ${what}`} class={tone}>
          <span class={`dot ${tone}`} aria-hidden="true" />
          <a href={href(...to)}>{who}</a> {what}
        </li>
      ))}
    </ul>
  );
}

function Charts({
  moments,
  history,
  ringBytes,
}: {
  moments: readonly Moment[];
  history: Day | null;
  ringBytes: number;
}) {
  const times = history?.times ?? moments.map(({ time }) => time);
  const values = (
    name: keyof Day['series'],
    of: (moment: Moment) => number | null,
    shown: (value: number) => number = (value) => value,
  ): readonly (number | null)[] =>
    history === null
      ? moments.map(of)
      : (history.series[name] ?? []).map((value) => (value === null ? null : shown(value)));
  const span = history !== null ? t('last24h') : t('sinceOpened');
  const perSecond = (value: number): string => `${rate(value)}/s`;
  return (
    <div class="panels">
      <Panel title={t('messageRates')} aside={span}>
        <Chart
          label={t('messageRates')}
          times={times}
          format={perSecond}
          lines={[
            { name: t('in'), values: values('messagesIn', ({ inRate }) => inRate) },
            { name: t('out'), values: values('messagesOut', ({ outRate }) => outRate) },
          ]}
        />
      </Panel>
      <Panel title={t('byteRates')} aside={span}>
        <Chart
          label={t('byteRates')}
          times={times}
          format={(value) => `${bytes(value)}/s`}
          isBytes
          lines={[
            { name: t('in'), values: values('bytesIn', ({ inBytes }) => inBytes) },
            { name: t('out'), values: values('bytesOut', ({ outBytes }) => outBytes) },
          ]}
        />
      </Panel>
      <Panel title={t('flushLatency')} aside={span}>
        <Chart
          label={t('flushLatency')}
          times={times}
          format={ms}
          lines={[
            { name: 'p50', values: values('syncP50Ms', ({ flushP50Ms }) => flushP50Ms) },
            { name: 'p99', values: values('syncP99Ms', ({ flushP99Ms }) => flushP99Ms) },
          ]}
        />
      </Panel>
      <Panel title={t('ring')} aside={span}>
        <Chart
          label={t('ring')}
          times={times}
          format={percent}
          isPart
          lines={[
            {
              name: t('ring'),
              values: values(
                'unwrittenBytes',
                ({ ringPart }) => ringPart,
                (value) => value / ringBytes,
              ),
            },
          ]}
        />
      </Panel>
      <Panel title={t('diskFreeTime')} aside={span}>
        <Chart
          label={t('diskFreeTime')}
          times={times}
          format={bytes}
          isBytes
          lines={[
            { name: t('diskFree'), values: values('diskFreeBytes', ({ diskFreeBytes }) => diskFreeBytes) },
          ]}
        />
      </Panel>
      <Panel title={t('replicaLag')} aside={span}>
        <Chart
          label={t('replicaLag')}
          times={times}
          format={ms}
          lines={[
            { name: t('replicaLag'), values: values('replicaLagMs', ({ replicaLagMs }) => replicaLagMs) },
          ]}
        />
      </Panel>
    </div>
  );
}

/** At the pace of the last minute. null: no disk fills. */
function fullSoon(moments: readonly Moment[]): number | null {
  // That of a while is the mean of the paces, not of the times.
  const paces = moments.slice(-GROWTH_LOOKS).map(({ fullInMs }) => (fullInMs === null ? 0 : 1 / fullInMs));
  const pace = paces.reduce((a, b) => a + b, 0) / Math.max(1, paces.length);
  return pace === 0 ? null : 1 / pace;
}
