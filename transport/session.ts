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
import type { Socket, SocketHandler } from '../native-free/listener/types.js';
import {
  type ConnectionInfo,
  type ErrorCode,
  FRAME,
  isRingMQError,
  makeFrame,
  OPCODE,
  RingMQError,
  readUint32,
} from '../native-free/wire/index.js';
import type { Asker } from './auth/audited.js';
import { Principal } from './auth/principal.js';
import { UserLimits } from './auth/user-limits.js';
import { connectionInfo } from './connection-info.js';
import { ConsumeSession } from './consume-session.js';
import { ControlSession } from './control-session.js';
import { CountedSocket } from './counted-socket.js';
import { cutError, endConnection, excessError, textError, unreadError } from './ending.js';
import { checkedOpcode, expectNoPayload, MAX_HELLO_BYTES } from './hello.js';
import { ProduceSession } from './produce-session.js';
import type { SessionContext } from './session-context.js';
import { type EntryOwner, SessionEntry } from './session-entry.js';
import type { SessionOptions } from './session-options.js';
import type { SessionOwner } from './session-owner.js';
import type { CutReason, Watched } from './session-watch.js';
import { SmallFrames } from './small-frames.js';
import { welcomeFrame } from './welcome.js';

/** A ping is answered: it counts as much as so many frames that are not. */
const PING_COST = 4;

export class Session implements SocketHandler, SessionContext, Watched, OpenConnection, EntryOwner {
  readonly engine: EngineThread;
  readonly socket: CountedSocket;
  readonly id: string;
  readonly host: SessionOwner<Session>;
  readonly options: SessionOptions;
  readonly connectionKey: string;
  readonly #produce: ProduceSession;
  readonly #consume: ConsumeSession;
  readonly #control: ControlSession;
  readonly #entry: SessionEntry;
  readonly #smallFrames: SmallFrames;
  unreadBytes = 0;
  wasHeard = true;
  silentSweeps = 0;
  #state: 'entering' | 'open' | 'closed' = 'entering';
  /** Who asks by plain HTTP has logged in before. */
  readonly isHttp: boolean;
  principal: Principal | null;
  #isFlushDue = false;
  /** Of what it is sent, and of what it sends. */
  readonly #limits: UserLimits;
  readonly #openedTime = Date.now();
  /** Of frames and, of what it was sent, of messages. */
  #bytesIn = 0;
  #messagesOut = 0;

  /** Use `SessionHost.open`, which makes it known to its host. */
  constructor(
    host: SessionOwner<Session>,
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
    this.#smallFrames = new SmallFrames(this.options);
    this.#produce = new ProduceSession(this);
    this.#consume = new ConsumeSession(this);
    this.#control = new ControlSession(this, this.#consume);
    this.#limits = new UserLimits(this, this.#produce);
    if (this.principal !== null) {
      this.#limits.keepTo(this.principal);
    }
    this.#entry = new SessionEntry(this, host.watch, (late) => this.#end(late, true));
  }

  /** The peer's address; of a client in this process its number. */
  get remote(): string {
    return this.socket.remote === '' ? this.connectionKey : this.socket.remote;
  }

  get asker(): Asker {
    const user = this.principal?.user ?? this.#entry.user;
    return { user, address: this.socket.remote, connection: this.connectionKey };
  }

  /** As the client calls itself; empty before its hello. */
  get clientName(): string {
    return this.#entry.clientName;
  }

  /** For log lines. */
  get label(): string {
    return `connection ${this.remote}${this.clientName === '' ? '' : ` (${this.clientName})`}`;
  }

  get isOpen(): boolean {
    return this.#state !== 'closed';
  }

  get isInLogin(): boolean {
    return this.#entry.isInLogin;
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
      const { out } = this.#limits;
      if (out?.isHeld === true) {
        return 0;
      }
      const sentBefore = this.socket.sentBytes;
      const used = this.#consume.deliver(out === null ? budget : Math.min(budget, out.maxBytes));
      this.#messagesOut += meter.messagesOut - before;
      // What it was sent, and not what that took of the turn: a disk that is slow is no limit of the user's.
      out?.spend(this.socket.sentBytes - sentBefore, meter.messagesOut - before);
      this.host.watch.unread(this, this.socket.bufferedBytes);
      return used;
    } catch (error) {
      this.failWith(error);
      return 0;
    }
  }

  get hasDeliveries(): boolean {
    return this.#state === 'open' && this.#consume.hasWork && this.#limits.out?.isHeld !== true;
  }

  facts(): ConnectionInfo {
    return connectionInfo(this, {
      openedTime: this.#openedTime,
      bytesIn: this.#bytesIn,
      bytesOut: this.socket.sentBytes,
      messagesIn: this.#produce.messagesIn,
      messagesOut: this.#messagesOut,
      creditBytes: this.#produce.creditLeft,
    });
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
    const opcode = checkedOpcode(bytes, this.options.maxFrameBytes, isGreeted, this.#entry.isInLogin);
    if (isGreeted) {
      this.#dispatchOpen(bytes, opcode);
    } else {
      this.#entry.onFrame(bytes);
    }
  }

  #dispatchOpen(bytes: Uint8Array, opcode: number): void {
    switch (opcode) {
      case OPCODE.produce:
        this.#produce.onFrame(bytes);
        break;
      case OPCODE.credit:
        this.#control.onCredit(bytes);
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

  /** From the login: the first time, and whenever a token renews it. */
  onLoggedIn(answer: LoginAnswer): void {
    this.principal = new Principal(answer.principal);
    this.#limits.keepTo(this.principal);
    if (answer.version !== this.engine.access.version) {
      this.host.renewRights();
    }
    if (this.isGreeted) {
      this.#consume.onPrincipal(this.principal);
    } else {
      this.welcome(answer);
    }
  }

  renew(token: unknown): Promise<{ expiresInMs: number }> {
    return this.#entry.renew(token);
  }

  /** From the watch of rights. */
  onPrincipal(principal: Principal): void {
    this.principal = principal;
    try {
      this.#limits.keepTo(principal);
      this.#consume.onPrincipal(principal);
    } catch (error) {
      this.failWith(error);
    }
  }

  /** From its entry. `login`: undefined where nobody logs in. */
  welcome(login?: LoginAnswer): void {
    this.#entry.welcomed();
    this.host.watch.greeted();
    this.#state = 'open';
    this.socket.send(welcomeFrame(this.engine, this.options, this.#produce.creditLimit, login));
  }

  spend(cost: number): boolean {
    if (this.#smallFrames.take(cost)) {
      return true;
    }
    this.failWith(this.#smallFrames.error());
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
    this.#entry.close();
    this.host.forget(this);
    this.#control.close();
    this.#consume.close();
    this.#produce.close();
    this.#limits.close();
  }
}
