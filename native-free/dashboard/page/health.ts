/** What is wrong, the worst first. Nothing here is a guess: each is what a broker or a name server says. */
import { bytes, count, ms } from './format.js';
import { t } from './text.js';
import type { Looks } from './watch.js';

export interface Problem {
  readonly tone: 'bad' | 'warn';
  readonly who: string;
  readonly what: string;
  readonly to: readonly string[];
}

/** A disk that is full sooner is told of. */
const SOON_MS = 24 * 3_600_000;
const RING_NEARLY_FULL = 0.8;

export function problemsOf({ sets, brokers }: Looks, fullInMs: number | null): Problem[] {
  const problems: Problem[] = [];
  const cluster = ['cluster'];
  const add = (tone: Problem['tone'], who: string, what: string, to: readonly string[] = cluster): void => {
    problems.push({ tone, who, what, to });
  };
  for (const { set, stats, standing, failure } of sets) {
    const who = set === null ? (stats?.brokerName ?? '') : t('setNamed', { set });
    if (failure !== null) {
      add('bad', who, t('setAway', { why: failure.message }));
      continue;
    }
    if (stats === null) {
      continue;
    }
    if (stats.disk !== 'ok') {
      add('bad', who, t(stats.disk === 'failed' ? 'diskFailed' : 'diskFull'));
    }
    if (stats.log.damagedCount > 0) {
      add('bad', who, t('damaged', { count: count(stats.log.damagedCount) }));
    }
    if (standing?.takesMessages === false && standing.role === 'master') {
      add('bad', who, t('takesNothing'));
    }
    if (stats.log.unwrittenBytes / stats.log.ringBytes > RING_NEARLY_FULL) {
      add('warn', who, t('ringNearlyFull'));
    }
    for (const replica of standing?.replicas ?? []) {
      if (!replica.connected || !replica.inSync) {
        const lag = t('behind', { bytes: bytes(replica.lagBytes), time: ms(replica.lagMs) });
        add('warn', replica.name, `${t(replica.connected ? 'notInSync' : 'notConnected')}; ${lag}`);
      }
    }
  }
  for (const broker of brokers ?? []) {
    if (!broker.up) {
      add('bad', broker.name, t('brokerDown'));
    }
  }
  const isWithoutMaster = (set: string): boolean =>
    !(brokers ?? []).some((broker) => broker.set === set && broker.isMaster && broker.up);
  for (const set of new Set((brokers ?? []).map((broker) => broker.set))) {
    if (isWithoutMaster(set)) {
      add('bad', t('setNamed', { set }), t('noMaster'));
    }
  }
  if (fullInMs !== null && fullInMs < SOON_MS) {
    add('warn', t('disk'), t('fullSoon', { time: ms(fullInMs) }));
  }
  return problems.sort((a, b) => Number(a.tone === 'warn') - Number(b.tone === 'warn'));
}
