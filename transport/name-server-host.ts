/**
 * The connections of a name server. Whoever has asked for a cluster's route is told when it changes: at once,
 * and then at most once in `QUIET_MS`, however often it does.
 */
import { randomBytes } from 'node:crypto';
import { AddressLimits } from '../native-free/listener/address-limits.js';
import type { Socket } from '../native-free/listener/types.js';
import { clearTimeout, setTimeout, unref } from '../native-free/time/index.js';
import {
  type ErrorCode,
  makeFrame,
  type NameServerEvent,
  OPCODE,
  RingMQError,
} from '../native-free/wire/index.js';
import { encodeControl } from './control-payload.js';
import {
  type NameServerAnswers,
  type NameServerLogin,
  NameServerSession,
  type NameServerSessions,
} from './name-server-session.js';
import { SESSION_DEFAULTS, type SessionOptions } from './session-options.js';
import { SessionWatch } from './session-watch.js';

const QUIET_MS = 100;
const NONCE_BYTES = 32;

export interface NameServerHostOptions {
  readonly name: string;
  readonly openingId: string;
  readonly session: Partial<SessionOptions>;
  /** Default: nobody logs in. */
  readonly logins?: NameServerLogin | null;
  /** A connection has ended. */
  readonly onClosed: (link: number) => void;
}

/** A cluster whose change was just told. */
interface Quiet {
  readonly timer: ReturnType<typeof setTimeout>;
  /** Changed since. */
  version: number | null;
}

export class NameServerHost implements NameServerSessions {
  readonly options: SessionOptions;
  readonly answers: NameServerAnswers;
  readonly logins: NameServerLogin | null;
  readonly watch: SessionWatch;
  readonly name: string;
  readonly openingId: string;
  readonly #onClosed: (link: number) => void;
  readonly #sessions = new Map<number, NameServerSession>();
  readonly #watched = new Set<NameServerSession>();
  readonly #quiet = new Map<string, Quiet>();
  readonly #addresses: AddressLimits;
  #nextLink = 1;
  #isClosed = false;

  constructor(
    answers: NameServerAnswers,
    { name, openingId, session, logins, onClosed }: NameServerHostOptions,
  ) {
    this.answers = answers;
    this.logins = logins ?? null;
    this.name = name;
    this.openingId = openingId;
    this.options = { ...SESSION_DEFAULTS, ...session };
    this.#onClosed = onClosed;
    this.#addresses = new AddressLimits({
      connections: this.options.maxConnectionsPerAddress,
      perSecond: this.options.maxHandshakesPerAddress,
    });
    this.watch = new SessionWatch(this.options, this.#watched);
  }

  get connections(): number {
    return this.#sessions.size;
  }

  /** What a listener's `accept` returns. */
  open(socket: Socket): NameServerSession {
    const session = new NameServerSession(this, socket, this.#nextLink++);
    this.#sessions.set(session.link, session);
    this.#watched.add(session);
    this.watch.opened();
    const tooMany = this.#addresses.come(socket.remote);
    if (this.#isClosed) {
      queueMicrotask(() => session.fail('BROKER_CLOSED'));
    } else if (tooMany !== null) {
      const error = new RingMQError('TOO_MANY_CONNECTIONS', `there are more ${tooMany}`);
      queueMicrotask(() => session.failWith(error));
    }
    return session;
  }

  newNonce(): string {
    return randomBytes(NONCE_BYTES).toString('hex');
  }

  /** Ends one connection. */
  end(link: number, error: RingMQError): void {
    this.#sessions.get(link)?.failWith(error);
  }

  /** For sessions. */
  forget(session: NameServerSession): void {
    if (this.#sessions.delete(session.link)) {
      this.#watched.delete(session);
      this.#addresses.gone(session.remote);
      this.#onClosed(session.link);
    }
  }

  routeChanged(cluster: string, version: number): void {
    const quiet = this.#quiet.get(cluster);
    if (quiet !== undefined) {
      quiet.version = version;
    } else if (!this.#isClosed) {
      this.#tell(cluster, version);
    }
  }

  /** Tells every connection why, closes it, and refuses new ones. */
  close(code: ErrorCode = 'BROKER_CLOSED'): void {
    this.#isClosed = true;
    this.watch.close();
    for (const { timer } of this.#quiet.values()) {
      clearTimeout(timer);
    }
    this.#quiet.clear();
    for (const session of [...this.#sessions.values()]) {
      session.failWith(new RingMQError(code, 'the name server is closed'));
    }
  }

  #tell(cluster: string, version: number): void {
    const event: NameServerEvent = { event: 'routeChanged', cluster, version };
    const frame = makeFrame(OPCODE.event, 0, { payload: encodeControl(event) });
    const timer = setTimeout(() => this.#tellAgain(cluster), QUIET_MS);
    unref(timer);
    this.#quiet.set(cluster, { timer, version: null });
    // In the next run of microtasks: the change may come of a request of one of them, whose answer goes
    // first.
    queueMicrotask(() => {
      for (const session of [...this.#sessions.values()]) {
        session.routeChanged(cluster, frame);
      }
    });
  }

  #tellAgain(cluster: string): void {
    const quiet = this.#quiet.get(cluster);
    this.#quiet.delete(cluster);
    if (quiet !== undefined && quiet.version !== null) {
      this.#tell(cluster, quiet.version);
    }
  }
}
