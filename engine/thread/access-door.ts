/** Users and rights as one thread asks for them: the thread that opened the broker knows them. */
import { clearTimeout, monotonicMs, setTimeout } from '../../native-free/time/index.js';
import type { AuditFacts } from '../../native-free/wire/index.js';
import { AuditLimit, SUMMARY_MS } from '../access/audit-limit.js';
import type { ControlPort } from '../control/channel-messages.js';
import type {
  AccessDoor,
  LoginAnswer,
  LoginParams,
  LoginProof,
  PaceLimits,
  PrincipalFacts,
  TokenLoginParams,
  UserPace,
} from '../engine-thread.js';
import { BROKER_WORD, PACE_WORDS_AT_BYTES } from '../term/shared-words.js';
import { SharedPace } from '../term/user-paces.js';

/** Who asks for a principal anew, and by what it has logged in. */
export interface PrincipalParams {
  user: string;
  proof: LoginProof;
}

export interface CertifiedParams {
  user: string;
  remote: string;
}

export class ThreadAccess implements AccessDoor {
  readonly #words: Int32Array;
  readonly #paceWords: Int32Array;
  readonly #port: ControlPort;
  /** This thread's: a flood that comes to it does not go on to the thread that writes. */
  readonly #audits = new AuditLimit(monotonicMs());
  #summary: NodeJS.Timeout | undefined;

  constructor(brokerWords: SharedArrayBuffer, port: ControlPort) {
    this.#words = new Int32Array(brokerWords);
    this.#paceWords = new Int32Array(brokerWords, PACE_WORDS_AT_BYTES);
    this.#port = port;
  }

  get version(): number {
    return Atomics.load(this.#words, BROKER_WORD.accessVersion);
  }

  async challenge(user: string): Promise<{ salt: string; iterations: number }> {
    return (await this.#port.callInternal('accessChallenge', { user })) as {
      salt: string;
      iterations: number;
    };
  }

  async login(params: LoginParams): Promise<LoginAnswer> {
    return (await this.#port.callInternal('accessLogin', params)) as LoginAnswer;
  }

  async verifyToken(params: TokenLoginParams): Promise<LoginAnswer> {
    return (await this.#port.callInternal('accessToken', params)) as LoginAnswer;
  }

  async certified(user: string, remote: string): Promise<LoginAnswer> {
    const params: CertifiedParams = { user, remote };
    return (await this.#port.callInternal('accessCertified', params)) as LoginAnswer;
  }

  async principal(user: string, proof: LoginProof): Promise<PrincipalFacts | null> {
    const params: PrincipalParams = { user, proof };
    return (await this.#port.callInternal('accessPrincipal', params)) as PrincipalFacts | null;
  }

  pace(place: number, direction: 0 | 1, limits: PaceLimits): UserPace {
    return new SharedPace(this.#paceWords, place, direction, limits);
  }

  audit(facts: AuditFacts): void {
    if (this.#audits.take(facts, monotonicMs())) {
      void this.#send(facts);
      return;
    }
    this.#summary ??= setTimeout(() => void this.tellCounted(), SUMMARY_MS).unref();
  }

  /** What was counted is told now. Resolves when it has been heard; never rejects. */
  async tellCounted(): Promise<void> {
    clearTimeout(this.#summary);
    this.#summary = undefined;
    await Promise.all(this.#audits.takeCounted().map((facts) => this.#send(facts)));
  }

  async #send(facts: AuditFacts): Promise<void> {
    try {
      await this.#port.callInternal('audit', facts);
    } catch {
      // A broker that closes meanwhile, or a thread that detaches, has nobody to tell.
    }
  }
}
