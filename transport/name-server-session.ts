/**
 * One connection to a name server: hello first, then requests, each answered at once, and pings. Nothing
 * waits here, so nothing is held but what the peer leaves unread.
 *
 *     waiting for hello ── hello ──▶ open ── error, close ──▶ closed
 *            │       └─ hello ─▶ login ─▶─┘                        │
 *            └── anything else, or handshakeTimeoutMs ──────────▶┘
 */
import type { LoginAnswer } from '../engine/engine-thread.js';
import { RateLimit } from '../native-free/listener/rate-limit.js';
import type { Socket, SocketHandler } from '../native-free/listener/types.js';
import {
  ERRORS,
  type ErrorCode,
  FRAME,
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  isRingMQError,
  MAX_BATCH_BYTES,
  MAX_BODY_BYTES,
  MAX_CLUSTERS,
  makeFrame,
  OPCODE,
  PROTOCOL_VERSION,
  RingMQError,
  readUint32,
  type Welcome,
} from '../native-free/wire/index.js';
import { Expiry } from './auth/expiry.js';
import type { Login, LoginStep } from './auth/login.js';
import { decodeTopicsRequest, encodeControl } from './control-payload.js';
import { cutError, endConnection, excessError, textError, unreadError } from './ending.js';
import { encodeError } from './error-body.js';
import { HandshakeTimer } from './handshake-timer.js';
import { checkedOpcode, checkVersion, expectNoPayload, MAX_HELLO_BYTES, readHello } from './hello.js';
import type { SessionOptions } from './session-options.js';
import type { CutReason, SessionWatch, Watched } from './session-watch.js';

/** What a small frame, an answer and a refusal take of a connection's budget of small frames, and each so many bytes of both. */
const REQUEST_COST = 4;
const BYTES_A_COST = 4 * 1024;
/** What part of a second's budget may be used at once. */
const SMALL_FRAMES_PART = 4;
/** A name server has no log. */
const NO_BROKER_ID = '0000000000000000';

/** Who asks. */
export interface NameServerCaller {
  /** Of the connection, unique in the process. */
  readonly link: number;
  readonly nonce: string;
}

/** Where requests are answered. */
export interface NameServerAnswers {
  /** Throws a RingMQError where the answer is no. */
  answer(method: unknown, params: unknown, caller: NameServerCaller): object;
}

/** Where logins are judged. */
export interface NameServerLogin {
  /** @throws RingMQError NOT_AUTHENTICATED, TOO_MANY_REQUESTS */
  of(credentials: unknown, remote: string, certifiedUser: string | null): Login;
}

/** What the sessions of one name server share. */
export interface NameServerSessions {
  readonly options: SessionOptions;
  readonly answers: NameServerAnswers;
  /** null: nobody logs in. */
  readonly logins: NameServerLogin | null;
  readonly watch: SessionWatch;
  /** 16 hexadecimal digits, of this start. */
  readonly openingId: string;
  readonly name: string;
  /** 64 hexadecimal digits, random. */
  newNonce(): string;
  forget(session: NameServerSession): void;
}

export class NameServerSession implements SocketHandler, Watched, NameServerCaller {
  readonly link: number;
  readonly nonce: string;
  readonly #sessions: NameServerSessions;
  readonly #socket: Socket;
  readonly #budget: RateLimit;
  readonly #handshakeTimer: HandshakeTimer;
  #state: 'hello' | 'login' | 'open' | 'closed' = 'hello';
  #login: Login | null = null;
  readonly #expiry = new Expiry((error) => this.failWith(error));
  /** The clusters whose route it has asked for. */
  readonly #asked = new Set<string>();
  unreadBytes = 0;
  wasHeard = true;
  silentSweeps = 0;

  constructor(sessions: NameServerSessions, socket: Socket, link: number) {
    this.#sessions = sessions;
    this.#socket = socket;
    this.link = link;
    this.nonce = sessions.newNonce();
    const { maxSmallFramesPerSecond: perSecond, handshakeTimeoutMs } = sessions.options;
    this.#budget = new RateLimit(perSecond, perSecond / SMALL_FRAMES_PART);
    this.#handshakeTimer = new HandshakeTimer(handshakeTimeoutMs, sessions.watch, (late) =>
      this.#end(late, true),
    );
  }

  get isGreeted(): boolean {
    return this.#state === 'open';
  }

  get maxPartialBytes(): number {
    return !this.isGreeted && this.#state !== 'closed' ? MAX_HELLO_BYTES : Number.POSITIVE_INFINITY;
  }

  /** Address of the other side. */
  get remote(): string {
    return this.#socket.remote;
  }

  onFrame(bytes: Uint8Array): void {
    if (this.#state === 'closed') {
      return;
    }
    this.wasHeard = true;
    try {
      this.#dispatch(bytes);
    } catch (error) {
      this.failWith(error);
    }
  }

  onText(): void {
    this.failWith(textError());
  }

  onExcess(what: string): void {
    this.failWith(excessError(what));
  }

  onDrain(): void {
    if (this.#state === 'open') {
      this.#sessions.watch.unread(this, this.#socket.bufferedBytes);
    }
  }

  onClose(): void {
    this.#tearDown();
  }

  ping(): void {
    this.#socket.send(makeFrame(OPCODE.ping, 0));
  }

  cut(why: CutReason): void {
    this.#end(cutError(why, this.unreadBytes, this.#sessions.options), true);
  }

  /** Tells that a route has changed, if it has asked for it. */
  routeChanged(cluster: string, frame: Uint8Array): void {
    if (this.#state === 'open' && this.#asked.has(cluster)) {
      this.#send(frame);
    }
  }

  fail(code: ErrorCode, message?: string): void {
    this.failWith(new RingMQError(code, message));
  }

  /** Says why, and closes. */
  failWith(error: unknown): void {
    this.#end(error, this.#socket.bufferedBytes > this.#sessions.options.maxBufferedBytes);
  }

  #dispatch(bytes: Uint8Array): void {
    const isGreeted = this.#state === 'open';
    const opcode = checkedOpcode(
      bytes,
      this.#sessions.options.maxFrameBytes,
      isGreeted,
      this.#state === 'login',
    );
    if (this.#login !== null) {
      void this.#advance(this.#login.prove(bytes));
      return;
    }
    if (!isGreeted) {
      this.#hello(bytes);
      return;
    }
    this.#spend(REQUEST_COST + Math.floor(bytes.length / BYTES_A_COST / SMALL_FRAMES_PART));
    switch (opcode) {
      case OPCODE.request:
        this.#request(bytes);
        break;
      case OPCODE.ping:
      case OPCODE.pong:
        expectNoPayload(bytes);
        if (opcode === OPCODE.ping) {
          this.#send(makeFrame(OPCODE.pong, readUint32(bytes, FRAME.id)));
        }
        break;
      default:
        throw new RingMQError(
          'BAD_FRAME',
          `a name server is not sent opcode ${opcode}: messages go to the brokers that its route names`,
        );
    }
  }

  #hello(bytes: Uint8Array): void {
    const { version, credentials } = readHello(bytes);
    checkVersion(version);
    const { logins } = this.#sessions;
    if (logins === null) {
      this.#welcome();
      return;
    }
    this.#login = logins.of(credentials, this.#socket.remote, this.#socket.certifiedUser ?? null);
    this.#state = 'login';
    void this.#advance(this.#login.begin());
  }

  /** Never rejects. */
  async #advance(next: Promise<LoginStep>): Promise<void> {
    try {
      const step = await next;
      if (this.#state !== 'login') {
        return;
      }
      if ('ask' in step) {
        this.#socket.send(step.ask);
        return;
      }
      this.#login = null;
      this.#expiry.begin(step.answer);
      this.#welcome(step.answer);
    } catch (error) {
      this.failWith(error);
    }
  }

  /** A token is not renewed here: the client comes again with another. */
  #welcome(login?: LoginAnswer): void {
    const { watch, options, name, openingId } = this.#sessions;
    this.#handshakeTimer.stop();
    watch.greeted();
    this.#state = 'open';
    const welcome: Welcome = {
      version: PROTOCOL_VERSION,
      features: [],
      brokerId: NO_BROKER_ID,
      openingId,
      brokerName: name,
      flush: 'sync',
      listener: options.listener,
      limits: { bodyBytes: MAX_BODY_BYTES, batchBytes: MAX_BATCH_BYTES, frameBytes: options.maxFrameBytes },
      role: 'nameserver',
      cluster: null,
      brokerSet: null,
      epoch: 0,
      master: null,
      nonce: this.nonce,
      ...(login === undefined ? {} : { user: login.principal.user }),
      ...(login?.serverSignature === undefined ? {} : { serverSignature: login.serverSignature }),
    };
    this.#send(makeFrame(OPCODE.welcome, 0, { payload: encodeControl(welcome) }));
  }

  #request(bytes: Uint8Array): void {
    const id = readUint32(bytes, FRAME.id);
    const { method, ...params } = decodeTopicsRequest(bytes, FRAME_HEADER_BYTES);
    let payload: Uint8Array;
    try {
      const answer = this.#sessions.answers.answer(method, params, this);
      if (method === 'route') {
        this.#hasAsked((answer as { cluster: string }).cluster);
      }
      payload = encodeControl(answer);
    } catch (error) {
      this.#refuse(id, error);
      return;
    }
    // Asking may have ended it: another connection speaks for its broker now.
    if (this.#state === 'open') {
      this.#spend(Math.floor(payload.length / BYTES_A_COST));
      this.#send(makeFrame(OPCODE.response, id, { payload }));
    }
  }

  /** The first ones are forgotten of one that asks for more than there can be. */
  #hasAsked(cluster: string): void {
    const [first] = this.#asked;
    if (this.#asked.size >= MAX_CLUSTERS && first !== undefined && !this.#asked.has(cluster)) {
      this.#asked.delete(first);
    }
    this.#asked.add(cluster);
  }

  #refuse(id: number, error: unknown): void {
    if (!isRingMQError(error)) {
      this.#sessions.options.onDefect('a request failed', error);
    }
    if (this.#state !== 'open') {
      return;
    }
    this.#send(makeFrame(OPCODE.response, id, { flags: FRAME_FLAG.failed, payload: encodeError(error) }));
    if (isRingMQError(error) && ERRORS[error.code].closes) {
      this.failWith(error);
    }
  }

  #spend(cost: number): void {
    if (!this.#budget.take(cost)) {
      throw new RingMQError('TOO_MANY_REQUESTS', 'more is asked than a connection is answered', {
        details: { limitPerSecond: this.#sessions.options.maxSmallFramesPerSecond },
      });
    }
  }

  #send(frame: Uint8Array): void {
    this.#socket.send(frame);
    const { options, watch } = this.#sessions;
    const unread = this.#socket.bufferedBytes;
    watch.unread(this, unread);
    if (unread > options.maxBufferedBytes + options.maxUnreadBytes) {
      this.#end(unreadError(unread, options.maxUnreadBytes), true);
    }
  }

  #end(error: unknown, isCut: boolean): void {
    if (this.#state === 'closed') {
      return;
    }
    if (!isRingMQError(error)) {
      this.#sessions.options.onDefect('a session failed', error);
    }
    this.#tearDown();
    endConnection(this.#socket, error, isCut);
  }

  #tearDown(): void {
    if (this.#state === 'closed') {
      return;
    }
    this.#sessions.watch.ended(this);
    this.#expiry.stop();
    this.#login?.close?.();
    this.#login = null;
    this.#state = 'closed';
    this.#handshakeTimer.stop();
    this.#sessions.forget(this);
  }
}
