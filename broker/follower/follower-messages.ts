/** What the follower's thread and the one that opened the broker say to each other. */
import type { BrokerHandle } from '../../engine/handle.js';
import type { LinkTlsOptions } from '../../engine/options.js';
import type { ReplicaFacts } from '../../native-free/wire/index.js';
import type { CatchUpEnd, CatchUpReport } from './catch-up.js';

/** `workerData` of the follower's thread. */
export interface FollowerWorkerData {
  handle: BrokerHandle;
  masterUrl: string | null;
  /** Shared with the master, the first is proved; one that is empty: there is none. */
  secrets: readonly Uint8Array[];
  catchUpRateBytes: number;
  /** For a master at a `wss://` address. */
  linkTls: LinkTlsOptions | undefined;
}

/** To the opener. */
export type FollowerReport =
  /** What is it to say of itself in a hello? */
  | { type: 'facts' }
  /** A control batch is in the log, and nothing that comes behind it is before it has been applied. */
  | { type: 'control'; batch: Uint8Array; position: number }
  | { type: 'following'; master: ReplicaFacts }
  /** The log flows over a new connection: what was handed over before may not be in its master's log. */
  | { type: 'linked' }
  /** It does not any more. */
  | { type: 'unlinked' }
  /** The answer to a hand-over; null: it is to come again later. */
  | { type: 'taken'; position: number | null }
  /** What the master has in the place of damage; null: it could not be asked now. */
  | { type: 'run'; position: number; run: Uint8Array | null }
  | { type: 'progress'; report: CatchUpReport | CatchUpEnd }
  /** `url`: of whom. */
  | { type: 'lost'; code: string; message: string; url: string }
  /** The log must be opened anew so that it ends at `master.begin`. Nothing more is taken before. */
  | { type: 'cut'; master: ReplicaFacts; state: Uint8Array | null }
  | { type: 'stopped' };

/** From the opener. */
export type FollowerOrder =
  | { type: 'facts'; facts: ReplicaFacts }
  | { type: 'applied' }
  | { type: 'master'; url: string | null }
  /** They are others by now. */
  | { type: 'secrets'; secrets: readonly Uint8Array[] }
  /** Offsets that were committed here, for the master; one at a time. */
  | { type: 'handOver'; offsets: Uint8Array }
  /** The master is to be asked for what is damaged here. */
  | { type: 'ask'; position: number; bytes: number }
  | { type: 'stop' };
