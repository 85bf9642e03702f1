/** Figures of all brokers, looked at again and again: what they are now, and how they went since the page was opened. */

import type { BrokerStats } from '../../client/index.js';
import type { BrokerStatus, NameServerConfiguration, SetStanding } from '../../wire/index.js';
import { setsHere, targetOf } from './lists.js';
import { asFailure, backend, isCode, where } from './session.js';

/** Looks that are kept: 15 minutes of them. */
const MAX_LOOKS = 450;

/** What one broker set says of itself. */
export interface SetLook {
  readonly set: string | null;
  /** null: it does not answer. */
  readonly stats: BrokerStats | null;
  readonly standing: SetStanding | null;
  readonly failure: { code: string; message: string } | null;
}

export interface Moment {
  readonly time: number;
  readonly inRate: number | null;
  readonly outRate: number | null;
  readonly inBytes: number | null;
  readonly outBytes: number | null;
  readonly flushP50Ms: number | null;
  readonly flushP99Ms: number | null;
  readonly ringPart: number | null;
  readonly diskFreeBytes: number | null;
  readonly replicaLagMs: number | null;
  /** As if nothing were deleted; null: it does not grow, or is not known yet. */
  readonly fullInMs: number | null;
}

export interface Looks {
  readonly sets: readonly SetLook[];
  /** All brokers, where there is a name server. */
  readonly brokers: readonly BrokerStatus[] | null;
  readonly moments: readonly Moment[];
}

export async function look(before: Looks | undefined): Promise<Looks> {
  const [sets, brokers] = await Promise.all([
    Promise.all(setsHere().map(lookAt)),
    where.value?.kind === 'cluster' ? allBrokers() : null,
  ]);
  const refused = sets.find(({ failure }) => failure?.code === 'NOT_ALLOWED');
  if (refused !== undefined) {
    await backend().control(targetOf(refused.set), 'stats', {});
  }
  const moments = [...(before?.moments ?? []).slice(1 - MAX_LOOKS), momentOf(sets, before?.sets)];
  return { sets, brokers, moments };
}

async function lookAt(set: string | null): Promise<SetLook> {
  try {
    const [stats, standing] = await Promise.all([
      backend().control(targetOf(set), 'stats', {}),
      backend()
        .control(targetOf(set), 'standing', {})
        .catch((error: unknown) => {
          if (isCode(error, 'NOT_SUPPORTED', 'NOT_ALLOWED', 'BAD_ARGUMENT')) {
            return null;
          }
          throw error;
        }),
    ]);
    return {
      set,
      stats: stats as unknown as BrokerStats,
      standing: standing as unknown as SetStanding | null,
      failure: null,
    };
  } catch (error) {
    return { set, stats: null, standing: null, failure: asFailure(error) };
  }
}

export async function allBrokers(): Promise<BrokerStatus[]> {
  const brokers: BrokerStatus[] = [];
  let cursor: string | null = null;
  do {
    const page: { brokers: BrokerStatus[]; cursor: string | null } = await backend().clusterStatus({
      cursor,
    });
    brokers.push(...page.brokers);
    cursor = page.cursor;
  } while (cursor !== null);
  return brokers;
}

/** As the first broker set says that answers; none where the user may not know. */
export async function allNameServers(): Promise<NameServerConfiguration[]> {
  for (const set of setsHere()) {
    try {
      const answer = await backend().control(targetOf(set), 'nameServerConfiguration', {});
      return (answer as unknown as { nameServers: NameServerConfiguration[] }).nameServers;
    } catch (error) {
      if (isCode(error, 'NOT_ALLOWED')) {
        return [];
      }
    }
  }
  return [];
}

/** Rates between two looks. A broker that was opened anew counts from nothing: its rate is not known for a moment. */
function momentOf(now: readonly SetLook[], before: readonly SetLook[] | undefined): Moment {
  const stats = now.flatMap(({ stats: each }) => (each === null ? [] : [each]));
  const perSecond = (of: (stats: BrokerStats) => number): number | null => {
    let sum: number | null = null;
    for (const look of now) {
      const own = rateOf(
        look,
        before?.find(({ set }) => set === look.set),
        of,
      );
      sum = own === null ? sum : (sum ?? 0) + own;
    }
    return sum;
  };
  const least = (values: readonly (number | null)[]): number | null => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? null : Math.min(...known);
  };
  const most = (values: readonly (number | null)[]): number | null => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? null : Math.max(...known);
  };
  return {
    time: most(stats.map(({ time }) => time)) ?? 0,
    inRate: perSecond(({ messagesIn }) => messagesIn),
    outRate: perSecond(({ messagesOut }) => messagesOut),
    inBytes: perSecond(({ bytesIn }) => bytesIn),
    outBytes: perSecond(({ bytesOut }) => bytesOut),
    flushP50Ms: most(stats.map(({ log }) => log.syncs.p50Ms)),
    flushP99Ms: most(stats.map(({ log }) => log.syncs.p99Ms)),
    ringPart: most(stats.map(({ log }) => log.unwrittenBytes / log.ringBytes)),
    diskFreeBytes: least(stats.map(({ diskFreeBytes }) => diskFreeBytes)),
    replicaLagMs: most(now.flatMap(({ standing }) => standing?.replicas ?? []).map(({ lagMs }) => lagMs)),
    fullInMs: least(
      now.map((look) =>
        fullIn(
          look,
          before?.find(({ set }) => set === look.set),
        ),
      ),
    ),
  };
}

/** A second. null: there is nothing to compare with. */
function rateOf(
  { stats }: SetLook,
  before: SetLook | undefined,
  of: (stats: BrokerStats) => number,
): number | null {
  const earlier = before?.stats;
  return stats && earlier && stats.openingId === earlier.openingId && stats.uptimeMs > earlier.uptimeMs
    ? (1_000 * Math.max(0, of(stats) - of(earlier))) / (stats.uptimeMs - earlier.uptimeMs)
    : null;
}

function fullIn(look: SetLook, before: SetLook | undefined): number | null {
  const perSecond = rateOf(look, before, ({ bytesIn }) => bytesIn);
  const free = look.stats?.diskFreeBytes ?? null;
  return perSecond === null || perSecond < 1 || free === null ? null : (free / perSecond) * 1_000;
}
