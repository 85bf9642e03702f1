/** What a broker tells of itself in numbers: as of now, and over the last while. */

import type { AccessDesk } from './access/access-desk.js';
import type { AuditKeeper } from './access/audit-keeper.js';
import type { ControlPlane } from './control/index.js';
import { StatsView } from './control/stats-view.js';
import type { TopicQueues } from './control/topic-queues.js';
import type { KnownDamage } from './data/known-damage.js';
import type { OpenData } from './data/open-data.js';
import type { BrokerHandle } from './handle.js';
import type { Replication } from './set/replication.js';
import { Sampler, syncBuckets } from './stats/index.js';
import { PERSIST_SEAT, ROLE } from './term/shared-words.js';
import type { ThreadParts } from './thread/thread-parts.js';

/** Whom the numbers are of. */
export interface FiguresHost {
  readonly queues: TopicQueues;
  readonly damage: KnownDamage;
  readonly plane: ControlPlane;
  readonly access: AccessDesk;
  readonly audit: AuditKeeper;
  /** It is made after them. */
  replication(): Replication;
  warn(message: string, details: Record<string, unknown>): void;
}

export class Figures {
  readonly stats: StatsView;
  readonly sampler: Sampler;

  constructor(
    handle: BrokerHandle,
    parts: ThreadParts,
    { catalog, state }: OpenData,
    { queues, damage, plane, access, audit, replication, warn }: FiguresHost,
  ) {
    this.stats = new StatsView({
      handle,
      seats: parts.seats,
      disk: parts.disk,
      logReader: parts.logReader,
      catalog,
      offsets: state.offsets,
      queueState: (topic, queueId) => queues.state(topic, queueId),
      damagedCount: () => damage.repair.count,
      groups: () => plane.groupTotals(),
      logins: () => ({ ...access.logins }),
      audit: () => ({ entries: state.audit.size, lost: audit.lostCount }),
    });
    this.sampler = new Sampler({
      stats: () => this.stats.read(),
      syncCounts: () => new Uint32Array(syncBuckets(handle.stats)),
      replicas: () => (parts.term.role === ROLE.master ? replication().list() : []),
      warn,
    });
    this.stats.name(PERSIST_SEAT, 'ringmq-persist');
    this.stats.name(parts.seat, 'main');
  }
}
