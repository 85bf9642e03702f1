/** As whom a client comes, whatever it shows for it. */
import type {
  CertificateCredentials,
  ScramCredentials,
  ScramProof,
  TokenCredentials,
  Welcome,
} from '../../wire/index.js';

/** A user's logins, one for each link. */
export interface LinkUser {
  /** Before a link is made: what its login needs is got. Nothing to wait for: undefined. Rejects when the signal is aborted. */
  prepare(signal: AbortSignal): Promise<void> | undefined;
  login(): LinkLogin;
  /** Another token, to be shown on a link that stands; null: there is none to be had. */
  readonly renewal: (() => Promise<string>) | null;
}

/** One login. */
export interface LinkLogin {
  readonly credentials: ScramCredentials | TokenCredentials | CertificateCredentials;
  /** What the broker asks is answered. Rejects with `BAD_FRAME` for what no broker asks. */
  answer(challenge: Record<string, unknown>): Promise<ScramProof>;
  /** Throws `NOT_AUTHENTICATED` where whoever answers is not to be believed. */
  check(welcome: Welcome): void;
}
