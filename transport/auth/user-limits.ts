/** Both directions of a connection keep to its user's limits: its own, or else the listener's. What comes before a login is counted otherwise. */
import { BROKER_USER } from '../../native-free/wire/index.js';
import type { ProduceSession } from '../produce-session.js';
import type { SessionContext } from '../session-context.js';
import { PacedWindow } from './paced-window.js';
import type { Principal } from './principal.js';

export class UserLimits {
  /** Of what is sent to it; null: there is no limit. */
  out: PacedWindow | null = null;
  readonly #context: SessionContext & { readonly isGreeted: boolean };
  readonly #produce: ProduceSession;
  /** Whose limits it keeps to, and which; empty: to none. */
  #pace = '';

  constructor(context: SessionContext & { readonly isGreeted: boolean }, produce: ProduceSession) {
    this.#context = context;
    this.#produce = produce;
  }

  keepTo({ user, place, limits }: Principal): void {
    const { engine, options, isGreeted } = this.#context;
    const bytesPerSecond = limits.bytesPerSecond ?? options.userBytesPerSecond;
    const messagesPerSecond = limits.messagesPerSecond ?? options.userMessagesPerSecond;
    const isLimited = (bytesPerSecond !== 0 || messagesPerSecond !== 0) && user !== BROKER_USER;
    const pace = isLimited ? `${place} ${bytesPerSecond} ${messagesPerSecond}` : '';
    if (pace === this.#pace) {
      return;
    }
    this.#pace = pace;
    this.out?.close();
    if (isLimited) {
      const { access, meter } = engine;
      const both = { bytesPerSecond, messagesPerSecond };
      this.#produce.keepTo(access.pace(place, 0, both), bytesPerSecond, !isGreeted);
      this.out = new PacedWindow(access.pace(place, 1, both), bytesPerSecond, meter, () =>
        this.#context.deliverSoon(),
      );
    } else {
      this.#produce.keepTo(null, 0, !isGreeted);
      this.out = null;
    }
    if (isGreeted) {
      this.#produce.renewCredit();
      this.#context.flushSoon();
      this.#context.deliverSoon();
    }
  }

  close(): void {
    this.out?.close();
  }
}
