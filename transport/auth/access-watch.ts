/** Has what changes of users and rights hold for the connections that stand: a few times a second one shared word is looked at. */
import type { AccessDoor } from '../../engine/engine-thread.js';
import { clearInterval, setInterval } from '../../native-free/time/index.js';
import { RingMQError } from '../../native-free/wire/index.js';
import { Principal } from './principal.js';

const LOOK_MS = 250;

/** A session, as this sees it. */
export interface Guarded {
  readonly principal: Principal | null;
  onPrincipal(principal: Principal): void;
  failWith(error: unknown): void;
}

export class AccessWatch {
  readonly #access: AccessDoor;
  readonly #sessions: ReadonlySet<Guarded>;
  readonly #timer: NodeJS.Timeout;
  readonly #onDefect: (message: string, error: unknown) => void;
  #version: number;
  #isAsking = false;
  #isStale = false;

  constructor(
    access: AccessDoor,
    sessions: ReadonlySet<Guarded>,
    onDefect: (message: string, error: unknown) => void,
  ) {
    this.#access = access;
    this.#sessions = sessions;
    this.#onDefect = onDefect;
    this.#version = access.version;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** A login was told what holds no more. */
  renewSoon(): void {
    this.#isStale = true;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { version } = this.#access;
    if (this.#isAsking || (version === this.#version && !this.#isStale)) {
      return;
    }
    this.#isAsking = true;
    this.#isStale = false;
    try {
      await this.#askAnew();
      this.#version = version;
    } catch (error) {
      this.#isStale = true;
      this.#onDefect('changed rights could not be looked up', error);
    } finally {
      this.#isAsking = false;
    }
  }

  /** Once for each user, however many connections it has. */
  async #askAnew(): Promise<void> {
    const byUser = new Map<string, Guarded[]>();
    for (const session of this.#sessions) {
      const { principal } = session;
      if (principal !== null) {
        const key = `${principal.user} ${JSON.stringify(principal.proof)}`;
        const of = byUser.get(key);
        if (of === undefined) {
          byUser.set(key, [session]);
        } else {
          of.push(session);
        }
      }
    }
    await Promise.all([...byUser.values()].map((sessions) => this.#renew(sessions)));
  }

  async #renew(asked: readonly Guarded[]): Promise<void> {
    const [first] = asked as [Guarded];
    const { user, proof } = first.principal as Principal;
    const before = new Map(asked.map((session) => [session, session.principal]));
    const facts = await this.#access.principal(user, proof);
    // One that has renewed its login meanwhile has what came of that.
    const sessions = asked.filter((session) => session.principal === before.get(session));
    if (facts === null) {
      for (const session of sessions) {
        session.failWith(
          new RingMQError('NOT_AUTHENTICATED', `the user '${user}' is gone, or has another password by now`),
        );
      }
      return;
    }
    const principal = new Principal(facts);
    for (const session of sessions) {
      session.onPrincipal(principal);
    }
  }
}
