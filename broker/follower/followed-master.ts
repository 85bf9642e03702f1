/**
 * Whom a broker follows while it is a slave: where its master is, and the thread that takes its log. Both
 * outlive the engine, which may be opened again.
 */
import type { ClusterSecrets } from '../../engine/access/cluster-secrets.js';
import type { Engine } from '../../engine/engine.js';
import { type FollowEvents, Following } from './follow.js';

export class FollowedMaster {
  readonly #secrets: ClusterSecrets | null;
  readonly #events: FollowEvents;
  #url: string | null;
  #following: Following | null = null;

  constructor(url: string | null, secrets: ClusterSecrets | null, events: FollowEvents) {
    this.#url = url;
    this.#secrets = secrets;
    secrets?.onChanged(() => this.#following?.tellSecrets(secrets.all));
    this.#events = events;
  }

  /** Where the master is; null: nobody knows. */
  get url(): string | null {
    return this.#url;
  }

  get isFollowed(): boolean {
    return this.#following !== null;
  }

  /**
   * The engine is a slave's: its log is taken from the master from now on. `isLed`: a controller says who
   * that is, and nobody is followed before.
   */
  begin(engine: Engine, isLed: boolean): void {
    engine.mastership.setMasterUrl(this.#url);
    if (isLed) {
      if (this.#url === null) {
        return;
      }
      engine.replication.becomeSlave();
    }
    const following = new Following(
      engine,
      {
        handle: engine.handle,
        masterUrl: this.#url,
        secrets: this.#secrets?.all ?? [new Uint8Array(0)],
        catchUpRateBytes: engine.options.catchUpRateBytes,
        linkTls: engine.options.linkTls,
      },
      this.#events,
    );
    this.#following = following;
    engine.replication.promotion.stopFollowing = async () => {
      this.#following = null;
      await following.stop();
    };
    engine.replication.promotion.goOnFollowing = () => {
      if (this.#following === null) {
        this.begin(engine, isLed);
      }
    };
  }

  /** The next one to be followed; who is followed now stays so until the engine is opened again. */
  setNext(url: string | null): void {
    this.#url = url;
  }

  /** The master is there now. */
  moved(engine: Engine, url: string | null): void {
    this.#url = url;
    if (this.#following !== null) {
      this.#following.masterUrl = url;
      engine.mastership.setMasterUrl(url);
    }
  }

  async stop(): Promise<void> {
    const following = this.#following;
    this.#following = null;
    await following?.stop();
  }
}
