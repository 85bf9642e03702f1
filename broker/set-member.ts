/**
 * A broker as its set's controller moves it: the leader loop decides, over etcd, and this carries it out. It
 * takes part from when the broker listens, as before that nobody could follow it.
 */

import { EtcdSetStore } from '../engine/cluster/etcd/etcd-set-store.js';
import { LeaderLoop } from '../engine/cluster/leader-loop.js';
import type { Follower, InSyncSet, Leader } from '../engine/cluster/leadership.js';
import type { SetMember } from '../engine/cluster/set-member.js';
import { parseController } from '../engine/controller-url.js';
import type { Engine } from '../engine/engine.js';
import type { ResolvedEngineOptions } from '../engine/options.js';
import { clearTimeout, monotonicMs, setTimeout, unref } from '../native-free/time/index.js';
import { RingMQError } from '../native-free/wire/index.js';

/** The broker, as far as this needs it. */
export interface SetMemberHost {
  /** Another one each time that the broker has opened its data again. */
  engine(): Engine;
  /** It takes a master's log, or is on its way to. */
  readonly isFollowing: boolean;
  /** It is no master from now on, and follows the one at `url`; null: nobody. Resolves once that is so. */
  follow(url: string | null): Promise<void>;
  tell(message: string, details: object): void;
}

/** What has come from a master before is indexed within this time, or the next try looks again. */
const SETTLE_MS = 5_000;
const LOOK_MS = 2;

export class LedBroker implements SetMember {
  readonly name: string;
  readonly url: string;
  readonly #mayFound: boolean;
  readonly minInSync: number;
  readonly mayDegrade: boolean;
  readonly #host: SetMemberHost;
  readonly #options: ResolvedEngineOptions;
  #overdue: ReturnType<typeof setTimeout> | undefined;
  #isOverdue = false;

  constructor(host: SetMemberHost, options: ResolvedEngineOptions, url: string, mayFound: boolean) {
    this.#host = host;
    this.#options = options;
    this.name = options.name;
    this.url = url;
    this.#mayFound = mayFound;
    this.minInSync = options.replication === 'sync' ? options.minInSync : 0;
    this.mayDegrade = options.onMissingSlave === 'degrade';
  }

  /** Not once the set was begun: if etcd has forgotten it since, others may have more of its log. */
  get mayFound(): boolean {
    return this.#mayFound && !this.#host.engine().replication.isLed;
  }

  state(): ReturnType<SetMember['state']> {
    const engine = this.#host.engine();
    const { isSettled, epoch, position, knows } = engine.replication.standing.end;
    const isStill = isSettled && engine.mastership.term.isFollower && !this.#host.isFollowing;
    const log = engine.handle.brokerId;
    const { openings } = engine.replication;
    const opening = engine.handle.openingId;
    return {
      leads: engine.mastership.leads,
      isStill,
      end: { epoch, position },
      log,
      knows,
      opening,
      openings,
    };
  }

  async standStill(): Promise<void> {
    await this.#host.follow(null);
    const until = monotonicMs() + SETTLE_MS;
    while (!this.state().isStill) {
      if (monotonicMs() > until) {
        throw new RingMQError('BROKER_BUSY', 'what came from the old master is not indexed yet');
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  follow({ url }: Leader): Promise<void> {
    return this.#host.follow(url);
  }

  takePart(): void {
    this.#host.engine().replication.takePart();
  }

  async lead(epoch: number): Promise<void> {
    const engine = this.#host.engine();
    if (engine.mastership.leads !== epoch) {
      await engine.replication.promotion.lead(epoch);
    }
  }

  mayAckUntil(untilMs: number): void {
    this.#host.engine().mastership.setLease(untilMs);
    clearTimeout(this.#overdue);
    if (untilMs === Number.NEGATIVE_INFINITY) {
      return;
    }
    if (this.#isOverdue) {
      this.#isOverdue = false;
      this.#host.tell('etcd has renewed the lease: messages are taken again', {});
    }
    this.#overdue = setTimeout(() => this.#onOverdue(), Math.max(0, untilMs - monotonicMs()));
    unref(this.#overdue);
  }

  /** Its threads have stopped acking by themselves; this only says so. */
  #onOverdue(): void {
    const engine = this.#host.engine();
    if (engine.mastership.leads !== null && !this.#isOverdue) {
      this.#isOverdue = true;
      engine.warn(
        'etcd has not answered for as long as the lease of this master lasts: no message is taken or acked before it does, as another broker may be the master by now',
        { controller: this.#options.controller },
      );
    }
  }

  /** Under sync replication `required` of a new set may be less than what the options want: they hold all the same. */
  countAcksBy({ members, required, openings }: InSyncSet): void {
    const slaves = this.mayDegrade ? required - 1 : Math.max(required - 1, this.minInSync);
    this.#host.engine().replication.countBy({ members, required: slaves, openings });
  }

  followers(): { followers: readonly Follower[]; acked: number } {
    const { replication } = this.#host.engine();
    const isOnDisk = this.#options.flush === 'sync';
    const followers = replication.near().map(({ name, inSync, received, flushed }) => ({
      name,
      isInSync: inSync,
      opening: replication.openingOf(name),
      received: isOnDisk ? Math.min(received, flushed) : received,
    }));
    // Read behind what the slaves have: they are not to look further than they are. Async replication waits
    // for nobody, so that a slave that is near enough is as good as any.
    return { followers, acked: this.minInSync === 0 ? 0 : replication.standing.ackedPosition };
  }

  waitsFor(why: string | null): void {
    this.#host.engine().replication.waitsFor = why;
  }

  tell(message: string, details: object): void {
    if ('error' in details) {
      this.#host.engine().warn(`controller: ${message}`, { ...details });
    } else {
      this.#host.tell(message, details);
    }
  }
}

/** Takes part in the set's leadership from now on. @throws RingMQError BAD_CONFIG (packages for gRPC are missing) */
export async function openLeadership(
  member: LedBroker,
  { controller, controllerLink, cluster }: ResolvedEngineOptions,
  set: string,
): Promise<LeaderLoop | null> {
  const parsed = controller === undefined ? null : parseController(controller);
  if (parsed === null) {
    return null;
  }
  const { endpoints, tls } = parsed;
  // A call that hangs is given up while the lease still runs, so that another member of etcd can renew it.
  const onTrouble = (error: string): void =>
    member.tell('its new files for etcd cannot be used, the old ones are used on', { error });
  const store = await EtcdSetStore.open(
    { endpoints, tls, access: controllerLink, callTimeoutMs: CALL_MS, onTrouble },
    cluster,
    set,
  );
  return new LeaderLoop(store, member);
}

const CALL_MS = 600;
