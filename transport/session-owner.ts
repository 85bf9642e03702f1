import type { SessionHostView } from './session-context.js';
import type { SessionWatch } from './session-watch.js';

/** The host of a session, which is told of its wishes. */
export interface SessionOwner<Session> extends SessionHostView {
  readonly watch: SessionWatch;
  flushSoon(session: Session): void;
  deliverSoon(session: Session): void;
  forget(session: Session): void;
  renewRights(): void;
}
