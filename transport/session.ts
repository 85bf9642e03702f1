/**
 * One connection as the broker sees it: hello first, then produce, credit, request and ping frames in any
 * order. Whatever does not belong ends this connection, with an error frame that says why, and touches no
 * other.
 *
 *     waiting for hello ── hello ──────────────────▶ open ── error, close ──▶ closed
 *            │       └── hello ──▶ login ── proof ──▶─┘                          │
 *            └── anything else, or handshakeTimeoutMs, in a login, too ─────────▶┘
 *
 * A login by a token or a certificate needs no proof.
 */

import { setImmediate } from 'node:timers';
import type { EngineThread, LoginAnswer, OpenConnection } from '../engine/engine-thread.js';
import { RateLimit } from '../native-free/listener/rate-limit.js';
import type { Socket, SocketHandler } from '../native-free/listener/types.js';
import {
  BROKER_USER,
  type ConnectionInfo,
  type ErrorCode,
  FRAME,
  isRingMQError,
  MAX_LISTED_PER_CONNECTION,
  makeFrame,
  OPCODE,
  RingMQError,
  readUint32,
} from '../native-free/wire/index.js';
import type { Asker } from './auth/audited.js';
import { Paced } from './auth/paced.js';
import { Principal } from './auth/principal.js';
import { type LoginOwner, SessionLogin } from './auth/session-login.js';
import { ConsumeSession } from './consume-session.js';
import { ControlSession } from './control-session.js';
import { CountedSocket } from './counted-socket.js';
import { cutError, endConnection, excessError, textError, unreadError } from './ending.js';
import { HandshakeTimer } from './handshake-timer.js';
import { checkedOpcode, checkVersion, expectNoPayload, MAX_HELLO_BYTES, readHello } from './hello.js';
import { ProduceSession } from './produce-session.js';
import type { SessionContext, SessionHostView } from './session-context.js';
import type { SessionOptions } from './session-options.js';
import type { CutReason, SessionWatch, Watched } from './session-watch.js';
import { welcomeFrame } from './welcome.js';

/** A ping is answered: it counts as much as so many frames that are not. */
const PING_COST = 4;
/** What part of a second's small frames may come at once. */
const SMALL_FRAMES_PART = 4;

/** What goes at once to a user with a limit, however small that is. */
const LEAST_PACED_BYTES = 64 * 1024;

/** The session's host, which is told of its wishes. */
export interface SessionOwner extends SessionHostView {
  readonly watch: SessionWatch;
  flushSoon(session: Session): void;
  deliverSoon(session: Session): void;
  forget(session: Session): void;
  renewRights(): void;
}

export class Session implements SocketHandler, SessionContext, Watched, OpenConnection, LoginOwner {
  readonly engine: EngineThread;
  readonly socket: CountedSocket;
  readonly id: string;
  readonly host: SessionOwner;
  readonly options: SessionOptions;
  readonly connectionKey: string;
  readonly #produce: ProduceSession;
  readonly #consume: ConsumeSession;
  readonly #control: ControlSession;
  readonly #handshakeTimer: HandshakeTimer;
  readonly #login = new SessionLogin(this);
  readonly #smallFrames: RateLimit;
  unreadBytes = 0;
  wasHeard = true;
  silentSweeps = 0;
  #state: 'hello' | 'login' | 'open' | 'closed' = 'hello';
  /** Who asks by plain HTTP has logged in before. */
  readonly isHttp: boolean;
  principal: Principal | null;
  /** Before the welcome. */
  #helloBytes = 0;
  /** As it calls itself. */
  #clientName = '';
  #isFlushDue = false;
  /** What its user is sent; null: there is no limit. */
  #out: Paced | null = null;
  #outAtOnceBytes = Number.POSITIVE_INFINITY;
  /** Whose limits it keeps to, and which; empty: to none. */
  #pace = '';
  readonly #openedTime = Date.now();
  /** Of frames and, of what it was sent, of messages. */
  #bytesIn = 0;
  #messagesOut = 0;

  /** Use `SessionHost.open`, which makes it known to its host. */
  constructor(
    host: SessionOwner,
    socket: Socket,
    connectionKey: string,
    http: { principal: Principal | null } | null = null,
  ) {
    this.isHttp = http !== null;
    this.principal = http?.principal ?? null;
    this.engine = host.engine;
    this.host = host;
    this.options = host.options;
    this.socket = new CountedSocket(socket);
    this.id = this.engine.newConnectionId();
    this.connectionKey = connectionKey;
    // A client in this process costs its own.
    const perSecond =
      this.options.listener === 'embedded' ? Number.POSITIVE_INFINITY : this.options.maxSmallFramesPerSecond;
    this.#smallFrames = new RateLimit(perSecond, perSecond / SMALL_FRAMES_PART);
    this.#produce = new ProduceSession(this);
    this.#consume = new ConsumeSession(this);
    this.#control = new ControlSession(this, this.#consume);
    if (this.principal !== null) {
      this.#keepPace(this.principal);
    }
    const { handshakeTimeoutMs } = this.options;
    this.#handshakeTimer = new HandshakeTimer(handshakeTimeoutMs, host.watch, (late) =>
      this.#end(late, true),
    );
  }

  /** The peer's address; of a client in this process its number. */
  get remote(): string {
    return this.socket.remote === '' ? this.connectionKey : this.socket.remote;
  }

  get asker(): Asker {
    const user = this.principal?.user ?? this.#login.user;
    return { user, address: this.socket.remote, connection: this.connectionKey };
  }

  /** As the client calls itself; empty before its hello. */
  get clientName(): string {
    return this.#clientName;
  }

  /** For log lines. */
  get label(): string {
    return `connection ${this.remote}${this.#clientName === '' ? '' : ` (${this.#clientName})`}`;
  }

  get isOpen(): boolean {
    return this.#state !== 'closed';
  }

  get isInLogin(): boolean {
    return this.#state === 'login';
  }

  get isGreeted(): boolean {
    return this.#state === 'open';
  }

  get maxPartialBytes(): number {
    return this.isGreeted || !this.isOpen ? Number.POSITIVE_INFINITY : MAX_HELLO_BYTES;
  }

  onFrame(bytes: Uint8Array): void {
    if (this.#state === 'closed') {
      return;
    }
    this.wasHeard = true;
    this.#bytesIn += bytes.length;
    const { meter } = this.engine;
    const begun = meter.begin();
    try {
      this.#dispatch(bytes);
    } catch (error) {
      this.failWith(error);
    }
    meter.end(begun, 'taking in a frame', this);
  }

  onText(): void {
    this.failWith(textError());
  }

  onExcess(what: string): void {
    this.failWith(excessError(what));
  }

  onDrain(): void {
    if (this.#state !== 'open') {
      return;
    }
    try {
      this.host.watch.unread(this, this.socket.bufferedBytes);
      this.#produce.renewCredit();
      this.deliverSoon();
    } catch (error) {
      this.failWith(error);
    }
  }

  onClose(): void {
    this.#tearDown();
  }

  fail(code: ErrorCode, message?: string, details?: Record<string, unknown>): void {
    this.failWith(new RingMQError(code, message, details === undefined ? {} : { details }));
  }

  ping(): void {
    this.socket.send(makeFrame(OPCODE.ping, 0));
  }

  cut(why: CutReason): void {
    this.#end(cutError(why, this.unreadBytes, this.options), true);
  }

  failWith(error: unknown): void {
    // Who leaves that much unread does not read the rest either. A broker that stops lets all have what they
    // are owed.
    const isOwed = isRingMQError(error) && error.code === 'BROKER_CLOSED';
    this.#end(error, !isOwed && this.socket.bufferedBytes > this.options.maxBufferedBytes);
  }

  #end(error: unknown, isCut: boolean): void {
    if (this.#state === 'closed') {
      return;
    }
    if (!isRingMQError(error)) {
      this.options.onDefect('a session failed', error);
    }
    try {
      // Batches that were stored are acked even if a later frame was bad.
      this.#produce.flush(true);
      this.#tearDown();
      endConnection(this.socket, error, isCut);
    } catch (defect) {
      // Nobody is left to be told, and nothing of it may reach the thread.
      this.options.onDefect('a session could not be ended in order', defect);
      this.#tearDown();
      this.socket.cut();
    }
  }

  flushSoon(): void {
    if (this.#isFlushDue) {
      return;
    }
    this.#isFlushDue = true;
    this.host.flushSoon(this);
  }

  deliverSoon(): void {
    this.host.deliverSoon(this);
  }

  /** From the host, at the end of a run of microtasks. */
  flush(): void {
    this.#isFlushDue = false;
    if (this.#state === 'closed') {
      return;
    }
    try {
      this.#produce.flush();
      this.checkUnread();
    } catch (error) {
      this.failWith(error);
    }
  }

  /** From the host. Returns bytes of budget used. */
  deliver(budget: number): number {
    if (this.#state !== 'open') {
      return 0;
    }
    try {
      // On one thread, and nobody else reads meanwhile: the difference is this connection's.
      const { meter } = this.engine;
      const before = meter.messagesOut;
      if (this.#out?.isHeld === true) {
        return 0;
      }
      const used = this.#consume.deliver(Math.min(budget, this.#outAtOnceBytes));
      this.#messagesOut += meter.messagesOut - before;
      this.#out?.spend(used, meter.messagesOut - before);
      this.host.watch.unread(this, this.socket.bufferedBytes);
      return used;
    } catch (error) {
      this.failWith(error);
      return 0;
    }
  }

  get hasDeliveries(): boolean {
    return this.#state === 'open' && this.#consume.hasWork && this.#out?.isHeld !== true;
  }

  facts(): ConnectionInfo {
    const topics = [...this.#produce.producedTopics()];
    const consumers = [...this.#consume.consumersThere()];
    return {
      id: this.id,
      thread: this.engine.name,
      user: this.principal?.user ?? null,
      name: this.#clientName,
      address: this.socket.remote === '' ? this.connectionKey : this.socket.remote,
      kind: this.isHttp ? 'http' : this.principal?.user === BROKER_USER ? 'broker' : 'client',
      openedTime: this.#openedTime,
      bytesIn: this.#bytesIn,
      bytesOut: this.socket.sentBytes,
      messagesIn: this.#produce.messagesIn,
      messagesOut: this.#messagesOut,
      creditBytes: this.#produce.creditLeft,
      unsentBytes: this.socket.bufferedBytes,
      producers: topics.slice(-MAX_LISTED_PER_CONNECTION).map((topic) => ({ topic })),
      producerCount: topics.length,
      consumers: consumers.slice(0, MAX_LISTED_PER_CONNECTION),
      consumerCount: consumers.length,
    };
  }

  producedTopics(): Iterable<string> {
    return this.#produce.producedTopics();
  }

  consumersThere(): Iterable<{ group: string | null; topic: string }> {
    return this.#consume.consumersThere();
  }

  closeByAdministrator(): void {
    // The answer to who asked for it goes out first, if that is this connection.
    setImmediate(() => this.fail('CONNECTION_CLOSED'));
  }

  /** From the host: some topic was created, changed or deleted. `frame` is the event, made once for all. */
  topicChanged(topic: string, frame: Uint8Array): void {
    if (this.#state !== 'open') {
      return;
    }
    try {
      this.#produce.onTopicChanged();
      if (this.principal !== null && !this.principal.rights.sees(`topic:${topic}`)) {
        return;
      }
      this.socket.send(frame);
      this.checkUnread();
    } catch (error) {
      this.failWith(error);
    }
  }

  #dispatch(bytes: Uint8Array): void {
    const isGreeted = this.#state === 'open';
    const opcode = checkedOpcode(bytes, this.options.maxFrameBytes, isGreeted, this.#state === 'login');
    if (isGreeted) {
      this.#dispatchOpen(bytes, opcode);
      return;
    }
    this.#helloBytes += bytes.length;
    if (this.#helloBytes > MAX_HELLO_BYTES) {
      this.fail('FRAME_TOO_LARGE', 'more bytes than a login has', { limit: MAX_HELLO_BYTES });
    } else if (this.#state === 'login') {
      this.#login.prove(bytes);
    } else {
      this.#hello(bytes);
    }
  }

  #dispatchOpen(bytes: Uint8Array, opcode: number): void {
    switch (opcode) {
      case OPCODE.produce:
        this.#produce.onFrame(bytes);
        break;
      case OPCODE.credit:
        expectNoPayload(bytes);
        if (this.spend(1)) {
          this.#control.onCredit(bytes);
        }
        break;
      case OPCODE.request:
        this.#control.onRequest(bytes);
        break;
      case OPCODE.ping:
        expectNoPayload(bytes);
        if (this.spend(PING_COST)) {
          this.socket.send(makeFrame(OPCODE.pong, readUint32(bytes, FRAME.id)));
          this.checkUnread();
        }
        break;
      case OPCODE.pong:
        expectNoPayload(bytes);
        this.spend(1);
        break;
      default:
        this.fail('BAD_FRAME', `a client does not send opcode ${opcode} here`);
    }
  }

  #hello(bytes: Uint8Array): void {
    const { client, version, credentials } = readHello(bytes);
    this.#clientName = client;
    checkVersion(version);
    if (!this.options.authenticates || this.isHttp) {
      this.#welcome();
      return;
    }
    this.#login.start(credentials);
    this.#state = 'login';
    this.#login.begin();
  }

  /** Both directions keep to its user's limits: its own, or else the listener's. What comes before a login is counted otherwise. */
  #keepPace({ user, place, limits }: Principal): void {
    const bytesPerSecond = limits.bytesPerSecond ?? this.options.userBytesPerSecond;
    const messagesPerSecond = limits.messagesPerSecond ?? this.options.userMessagesPerSecond;
    const isLimited = (bytesPerSecond !== 0 || messagesPerSecond !== 0) && user !== BROKER_USER;
    const pace = isLimited ? `${place} ${bytesPerSecond} ${messagesPerSecond}` : '';
    if (pace === this.#pace) {
      return;
    }
    this.#pace = pace;
    this.#out?.close();
    if (isLimited) {
      const { access, meter } = this.engine;
      const both = { bytesPerSecond, messagesPerSecond };
      this.#produce.keepTo(access.pace(place, 0, both), bytesPerSecond, !this.isGreeted);
      this.#outAtOnceBytes = Math.max(LEAST_PACED_BYTES, bytesPerSecond);
      this.#out = new Paced(access.pace(place, 1, both), meter, () => this.deliverSoon());
    } else {
      this.#produce.keepTo(null, 0, !this.isGreeted);
      this.#outAtOnceBytes = Number.POSITIVE_INFINITY;
      this.#out = null;
    }
    if (this.isGreeted) {
      this.#produce.renewCredit();
      this.flushSoon();
      this.deliverSoon();
    }
  }

  /** From the login: the first time, and whenever a token renews it. */
  onLoggedIn(answer: LoginAnswer): void {
    this.principal = new Principal(answer.principal);
    this.#keepPace(this.principal);
    if (answer.version !== this.engine.access.version) {
      this.host.renewRights();
    }
    if (this.#state === 'login') {
      this.#welcome(answer);
    } else {
      this.#consume.onPrincipal(this.principal);
    }
  }

  renew(token: unknown): Promise<{ expiresInMs: number }> {
    return this.#login.renew(this.principal, token);
  }

  /** From the watch of rights. */
  onPrincipal(principal: Principal): void {
    this.principal = principal;
    try {
      this.#keepPace(principal);
      this.#consume.onPrincipal(principal);
    } catch (error) {
      this.failWith(error);
    }
  }

  #welcome(login?: LoginAnswer): void {
    this.#handshakeTimer.stop();
    this.host.watch.greeted();
    this.#state = 'open';
    this.socket.send(welcomeFrame(this.engine, this.options, this.#produce.creditLimit, login));
  }

  spend(cost: number): boolean {
    if (this.#smallFrames.take(cost)) {
      return true;
    }
    const { maxSmallFramesPerSecond } = this.options;
    this.fail('TOO_MANY_REQUESTS', 'more pings, pongs, credit or refused requests than are answered', {
      limitPerSecond: maxSmallFramesPerSecond,
    });
    return false;
  }

  /** Answers that nobody reads pile up in this process: past a bound that peer is cut off. */
  checkUnread(): void {
    const unread = this.socket.bufferedBytes;
    this.host.watch.unread(this, unread);
    if (unread <= this.options.maxBufferedBytes + this.options.maxUnreadBytes) {
      return;
    }
    this.failWith(unreadError(unread, this.options.maxUnreadBytes));
  }

  #tearDown(): void {
    if (this.#state === 'closed') {
      return;
    }
    this.host.watch.ended(this);
    this.#state = 'closed';
    this.#handshakeTimer.stop();
    this.#login.close();
    this.host.forget(this);
    this.#control.close();
    this.#consume.close();
    this.#produce.close();
    this.#out?.close();
  }
}
