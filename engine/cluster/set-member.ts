/** What of a broker its set's leader loop sees and moves. */
import type { Follower, InSyncSet, Leader, Standing } from './leadership.js';

/** A set's member as the loop moves it: a broker, or a test's. */
export interface SetMember {
  readonly name: string;
  readonly url: string;
  readonly mayFound: boolean;
  /** Slaves that an ack waits for; 0 under async replication. */
  readonly minInSync: number;
  readonly mayDegrade: boolean;
  /** The term it leads, whether its log stands still, where that ends, and the highest epoch that it has heard of. */
  state(): Pick<Standing, 'leads' | 'isStill' | 'end' | 'knows' | 'log' | 'opening' | 'openings'>;
  /** Resolves once it follows nobody and its log does not grow. */
  standStill(): Promise<void>;
  follow(leader: Leader): Promise<void>;
  /** It is about to lead: that this opening of its directory took part in the set is durable when it returns. */
  takePart(): void;
  /** Opens as master of this term, above every other that it knows; of one that it leads already: goes on. */
  lead(epoch: number): Promise<void>;
  /** It may ack until then, by the monotonic clock of the process. -Infinity: not at all. */
  mayAckUntil(untilMs: number): void;
  /** Acks count these members only, and wait for so many of them, itself included. */
  countAcksBy(rule: InSyncSet): void;
  followers(): { followers: readonly Follower[]; acked: number };
  /** It can neither lead nor follow before this has changed, in a sentence; null: it can. Told with every step. */
  waitsFor(why: string | null): void;
  /** For the log: what has changed and why. */
  tell(message: string, details: object): void;
}
