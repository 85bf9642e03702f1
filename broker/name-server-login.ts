/**
 * Logins at a name server, which keeps no users. Brokers come with the cluster's secret, which it knows itself, and a client certificate of an
 * authority that it was told speaks for itself. All else is handed on as it comes, frame by frame, to a broker of the cluster, over a connection for
 * this login alone: the broker asks, judges, and delays who fails. The name server learns no password by it, and nothing that could be used again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AccessDesk } from '../engine/access/access-desk.js';
import { brokerPassword } from '../engine/access/broker-password.js';
import type { ClusterSecrets } from '../engine/access/cluster-secrets.js';
import { LoginDelays, MAX_LOGIN_WAIT_MS } from '../engine/access/login-delays.js';
import type { LoginAnswer } from '../engine/engine-thread.js';
import { AccessState } from '../engine/meta/access-state.js';
import type { LinkTlsOptions } from '../engine/options.js';
import { controlFrame, controlPayload, type Link, webSocketLinks } from '../native-free/client/internal.js';
import { readError, readWelcome } from '../native-free/client/link/incoming.js';
import { clearTimeout, monotonicMs, setTimeout } from '../native-free/time/index.js';
import {
  BROKER_USER,
  FRAME_HEADER_BYTES,
  frameOpcode,
  isRingMQError,
  MAX_NAME_BYTES,
  makeFrame,
  NO_LIMITS,
  OPCODE,
  PROTOCOL_VERSION,
  RingMQError,
} from '../native-free/wire/index.js';
import { type Login, type LoginStep, loginOf, NO_CERTIFICATE } from '../transport/auth/login.js';
import { linkTlsTo } from './link-tls.js';

/** In the place of a user's name, for delays. */
const BY_TOKEN = '%token';
/** A broker that does not answer holds up the next one for so long. */
const TRY_MS = 1_000;
/** For the whole of a login: a hello has little more. */
const LOGIN_MS = 4_500;
const MAX_TRIES = 4;
/** Handed on at a time. */
const MAX_UNDER_WAY = 128;

export interface NameServerLoginDeps {
  readonly secrets: ClusterSecrets;
  readonly linkTls: LinkTlsOptions | undefined;
  /** Where brokers are that know users, the best first. */
  brokers(): string[];
}

export class NameServerLogins {
  readonly #deps: NameServerLoginDeps;
  /** For brokers alone: it has no users. */
  readonly #desk: AccessDesk;
  readonly #delays = new LoginDelays();
  #underWay = 0;

  constructor(deps: NameServerLoginDeps) {
    this.#deps = deps;
    const brokerPasswords = (): string[] => deps.secrets.all.map(brokerPassword);
    this.#desk = new AccessDesk({ state: new AccessState(), brokerPasswords });
  }

  /** What a connection says in its hello. @throws RingMQError NOT_AUTHENTICATED, TOO_MANY_REQUESTS */
  of(credentials: unknown, remote: string, certifiedUser: string | null): Login {
    const isNone = typeof credentials !== 'object' || credentials === null;
    // Of this connection: handed on, it would be about the name server's own.
    const isByCertificate = !isNone && (credentials as { scheme?: unknown }).scheme === 'certificate';
    if ((isNone || isByCertificate) && certifiedUser !== null) {
      return new Certified(certifiedUser);
    }
    if (isByCertificate) {
      throw new RingMQError('NOT_AUTHENTICATED', NO_CERTIFICATE);
    }
    if (isNone) {
      throw new RingMQError(
        'NOT_AUTHENTICATED',
        'this name server asks for credentials: those of a user of the cluster',
      );
    }
    const { user } = credentials as { user?: unknown };
    if (user === BROKER_USER) {
      const access = {
        ...NO_DOOR,
        challenge: (name: string) => this.#desk.challenge(name),
        login: this.#desk.login.bind(this.#desk),
      };
      return loginOf(credentials, { access, remote, trust: null, certifiedUser: null });
    }
    const name = typeof user === 'string' ? user.slice(0, MAX_NAME_BYTES) : BY_TOKEN;
    const waitMs = this.#delays.before(remote, name, monotonicMs());
    if (waitMs > MAX_LOGIN_WAIT_MS) {
      throw new RingMQError('NOT_AUTHENTICATED', 'too many logins have failed: wait a minute');
    }
    if (this.#underWay >= MAX_UNDER_WAY) {
      throw new RingMQError('TOO_MANY_REQUESTS', 'too many log in at once');
    }
    this.#underWay++;
    return new HandedOn(credentials, this.#deps, waitMs, (error) => {
      this.#underWay--;
      if (isRingMQError(error) && error.code === 'NOT_AUTHENTICATED') {
        this.#delays.failed(remote, name, monotonicMs());
      }
    });
  }
}

/** What brokers alone have. */
const NO_DOOR = {
  version: 0,
  verifyToken: () => Promise.reject(new RingMQError('NOT_AUTHENTICATED')),
  certified: () => Promise.reject(new RingMQError('NOT_AUTHENTICATED')),
  principal: () => Promise.resolve(null),
  audit: () => {},
  pace: () => {
    throw new RingMQError('NOT_SUPPORTED', 'a name server keeps no pace of users');
  },
};

class Certified implements Login {
  readonly user: string;

  constructor(user: string) {
    this.user = user;
  }

  async begin(): Promise<LoginStep> {
    return {
      answer: {
        principal: { user: this.user, place: 0, proof: { by: 'certificate' }, grants: [], limits: NO_LIMITS },
        version: 0,
      },
    };
  }

  async prove(): Promise<LoginStep> {
    throw new RingMQError('BAD_FRAME', 'a proof answers a challenge, and there was none');
  }
}

class HandedOn implements Login {
  readonly user = '';
  readonly #credentials: object;
  readonly #deps: NameServerLoginDeps;
  readonly #onEnd: (error: unknown) => void;
  readonly #stop = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  #link: Link | null = null;
  #next: { resolve(step: LoginStep): void; reject(error: unknown): void } | null = null;
  #isOver = false;
  readonly #waitMs: number;

  /** `waitMs`: for others of the address, or of its user there, have failed. */
  constructor(
    credentials: object,
    deps: NameServerLoginDeps,
    waitMs: number,
    onEnd: (error: unknown) => void,
  ) {
    this.#waitMs = waitMs;
    this.#credentials = credentials;
    this.#deps = deps;
    this.#onEnd = onEnd;
    const tooLate = new RingMQError('TIMEOUT', 'no broker of the cluster answers that could say who this is');
    this.#timer = setTimeout(() => this.#end(tooLate), LOGIN_MS);
  }

  async begin(): Promise<LoginStep> {
    if (this.#waitMs > 0) {
      await delay(this.#waitMs, undefined, { ref: false });
    }
    const link = await this.#open();
    if (this.#isOver) {
      link?.close();
      throw new RingMQError('TIMEOUT', 'no broker of the cluster answers that could say who this is');
    }
    if (link === null) {
      const error = new RingMQError(
        'TIMEOUT',
        'no broker of the cluster can be reached that could say who this is; name servers know no users',
      );
      this.#end(error);
      throw error;
    }
    this.#link = link;
    link.onFrame = (frame) => this.#onFrame(frame);
    link.onClose = () =>
      this.#end(new RingMQError('TIMEOUT', 'the broker that was asked has gone; try again'));
    const hello = {
      version: PROTOCOL_VERSION,
      features: [],
      client: 'ringmq-nameserver',
      credentials: this.#credentials,
    };
    return this.#say(controlFrame(OPCODE.hello, 0, hello));
  }

  prove(frame: Uint8Array): Promise<LoginStep> {
    return this.#say(makeFrame(OPCODE.proof, 0, { payload: frame.slice(FRAME_HEADER_BYTES) }));
  }

  /** The client has gone, or not said the next thing. */
  close(): void {
    this.#end(null);
  }

  async #open(): Promise<Link | null> {
    for (const url of this.#deps.brokers().slice(0, MAX_TRIES)) {
      const stop = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(TRY_MS)]);
      try {
        return await webSocketLinks(url, linkTlsTo(url, this.#deps.linkTls))(stop);
      } catch {
        // The next one may answer.
      }
    }
    return null;
  }

  #say(frame: Uint8Array): Promise<LoginStep> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) {
        reject(new RingMQError('TIMEOUT', 'the broker that was asked has gone; try again'));
        return;
      }
      this.#next = { resolve, reject };
      this.#link?.send(frame);
    });
  }

  #onFrame(frame: Uint8Array): void {
    try {
      switch (frameOpcode(frame)) {
        case OPCODE.challenge:
          this.#next?.resolve({
            ask: makeFrame(OPCODE.challenge, 0, { payload: frame.slice(FRAME_HEADER_BYTES) }),
          });
          this.#next = null;
          return;
        case OPCODE.welcome:
          this.#next?.resolve({ answer: answerOf(frame) });
          this.#end(null);
          return;
        case OPCODE.error:
          this.#end(readError(frame));
          return;
        default:
          this.#end(
            new RingMQError(
              'TIMEOUT',
              `the broker that was asked answers otherwise: ${controlPayload(frame)['code']}`,
            ),
          );
      }
    } catch (error) {
      this.#end(error);
    }
  }

  #end(error: unknown): void {
    if (this.#isOver) {
      return;
    }
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#stop.abort();
    if (this.#link !== null) {
      this.#link.onClose = null;
      this.#link.onFrame = null;
      this.#link.close();
    }
    this.#next?.reject(error ?? new RingMQError('ABORTED'));
    this.#next = null;
    this.#onEnd(error);
  }
}

/** A broker that lets everybody in says nothing of a user: it has not looked. @throws RingMQError NOT_AUTHENTICATED */
function answerOf(frame: Uint8Array): LoginAnswer {
  const { user, serverSignature, expiresInMs } = readWelcome(frame);
  if (typeof user !== 'string') {
    throw new RingMQError(
      'NOT_AUTHENTICATED',
      'the brokers of this cluster ask for no login: start them with `auth`, or the name server without',
    );
  }
  return {
    principal: { user, place: 0, proof: { by: 'certificate' }, grants: [], limits: NO_LIMITS },
    version: 0,
    ...(typeof serverSignature === 'string' ? { serverSignature } : {}),
    ...(typeof expiresInMs === 'number' ? { expires: { time: 0, inMs: expiresInMs } } : {}),
  };
}
