/**
 * One connection to a broker that mends itself: handshake, requests and answers, produce credit, pings, reconnects.
 * Producers and consumers hang on it and are told when it is lost and when it stands again.
 */
import { clearInterval, clearTimeout, monotonicMs, setInterval, setTimeout } from '../../time/index.js';
import {
  ERRORS,
  type ErrorCode,
  errorCodeOfName,
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  frameFlags,
  frameId,
  frameOpcode,
  frameValue,
  type Hello,
  isRingMQError,
  makeFrame,
  OPCODE,
  PROTOCOL_VERSION,
  RingMQError,
  readUint32,
  readUint64,
  type Welcome,
} from '../../wire/index.js';
import { abortError, Deferred, pause, unref } from '../abort.js';
import { callUser } from '../callback.js';
import { asConnectError, asRingMQError, isHopeless } from '../failures.js';
import type { ClientOptions } from '../types.js';
import { controlFrame, controlPayload } from './control-codec.js';
import type { Link, LinkFactory } from './link.js';
import { Requests } from './requests.js';
import { SendLine } from './send-line.js';

/** A consumer, as the connection sees it. */
export interface FrameReceiver {
  /** `frame` is the consumer's to keep, or to give to `release`. */
  onDeliver(frame: Uint8Array, release: ((frame: Uint8Array) => void) | null): void;
  onSkip(queueId: number, offset: number): void;
  onEvent(event: Record<string, unknown>): void;
  onConnected(): void;
  onLost(): void;
  onFailed(error: RingMQError): void;
}

/** Errors after which trying again is of no use. */
const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UNSUPPORTED_VERSION',
  'ORIGIN_REFUSED',
  'NOT_AUTHENTICATED',
  // From a link factory: there will be no other link.
  'CLOSED',
]);

/** For the first connection, and for each try to make it anew. */
const DEFAULT_CONNECT_MS = 10_000;

const SKIP_BYTES = FRAME_HEADER_BYTES + 16;

export class Connection {
  readonly #factory: LinkFactory;
  readonly #options: ClientOptions;
  readonly #ended = new AbortController();
  readonly #firstTries = new AbortController();
  readonly #receivers = new Map<number, FrameReceiver>();
  readonly requests: Requests;
  #link: Link | null = null;
  /** The handshake is done. */
  #isOpen = false;
  #welcome: Welcome | null = null;
  #handshake: Deferred<void> | null = null;
  #failure: RingMQError | null = null;
  /** What the broker said last before it closed. */
  #lastError: RingMQError | null = null;
  /**
   * The link ended over something that was sent, and more than one thing was under way: so many more answers one thing at a time is under
   * way, until the one that ends the link is found. 0: all may be.
   */
  #suspectCount = 0;
  #lostAt = 0;
  #attempt = 0;
  #isReconnecting = false;
  #heard = false;
  #pinged = false;
  #pingTimer: ReturnType<typeof setInterval> | undefined;

  /** Producers and what they have under way. */
  readonly produce: SendLine;
  #nextReceiverId = 1;

  constructor(factory: LinkFactory, options: ClientOptions) {
    this.#factory = factory;
    this.#options = options;
    const mayStart = () => this.#suspectCount === 0 || this.#underWay === 0;
    const send = (frame: Uint8Array) => this.#link?.send(frame);
    this.produce = new SendLine(send, mayStart);
    const { produce } = this;
    this.requests = new Requests(options.requestTimeoutMs ?? 30_000, {
      send,
      mayStart,
      get trouble() {
        return produce.trouble;
      },
      warn: (message, details) => this.warn(message, details),
    });
  }

  /** Tells the user of something that is tried again. */
  warn(message: string, details: Record<string, unknown>): void {
    callUser(this.#options.onWarning, message, details);
  }

  /** Requests and batches with the broker. */
  get #underWay(): number {
    return this.requests.inFlightCount + this.produce.inFlightCount;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Since when there is no link, by the monotonic clock; Infinity while there is one. */
  get lostAt(): number {
    return this.#isOpen ? Number.POSITIVE_INFINITY : this.#lostAt;
  }

  get closeTimeoutMs(): number {
    return this.#options.closeTimeoutMs ?? 0;
  }

  /** The broker's last welcome. */
  get welcome(): Welcome {
    if (this.#welcome === null) {
      throw new RingMQError('CLOSED', 'the client is not connected yet');
    }
    return this.#welcome;
  }

  /** Why the connection is over for good, if it is. */
  get failure(): RingMQError | null {
    return this.#failure;
  }

  /** Makes the first connection. Rejects with `CONNECT_FAILED` (or what the broker said) and is then over. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    const giveUp = () => this.#firstTries.abort();
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      await this.#tryFirst(signal);
    } catch (error) {
      const failure = signal?.aborted ? abortError(signal) : asRingMQError(error);
      this.close(failure);
      throw failure;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
    const pingMs = this.#options.pingIntervalMs ?? 15_000;
    if (pingMs > 0) {
      this.#pingTimer = setInterval(() => this.#checkPulse(), pingMs);
      unref(this.#pingTimer);
    }
  }

  /** Tries until the first link stands, or until the time is over, or trying is of no use. */
  async #tryFirst(signal: AbortSignal | undefined): Promise<void> {
    const timeoutMs = this.#connectTimeoutMs;
    const deadline = timeoutMs === 0 ? Number.POSITIVE_INFINITY : monotonicMs() + timeoutMs;
    const within = ` within ${timeoutMs} ms`;
    let told = '';
    let last: unknown;
    for (;;) {
      try {
        await this.#establish(Math.min(deadline - monotonicMs(), this.#tryMs), signal);
        return;
      } catch (error) {
        if (signal?.aborted || this.#failure !== null) {
          throw this.#failure ?? error;
        }
        if (isHopeless(error)) {
          throw asConnectError(error, '');
        }
        // That the time is over says less than what was said before.
        last = isTimeout(error) ? (last ?? error) : error;
      }
      const waitMs = this.#nextWait();
      if (monotonicMs() + waitMs >= deadline) {
        throw asConnectError(last, within);
      }
      told = this.#tellTrouble(last, told);
      await pause(waitMs, this.#firstTries.signal);
    }
  }

  /** Of a try that failed, if the one before did not fail in the same way. Returns what was told. */
  #tellTrouble(error: unknown, told: string): string {
    const trouble = asConnectError(error, '');
    this.produce.trouble = trouble;
    if (trouble.message !== told) {
      this.warn(`${trouble.message}; trying again`, { code: trouble.code });
    }
    return trouble.message;
  }

  get #connectTimeoutMs(): number {
    return this.#options.connectTimeoutMs ?? DEFAULT_CONNECT_MS;
  }

  /** For one try. */
  get #tryMs(): number {
    return this.#connectTimeoutMs === 0 ? DEFAULT_CONNECT_MS : this.#connectTimeoutMs;
  }

  /** Doubled with each try, between half and all of it at random. */
  #nextWait(): number {
    const minMs = this.#options.reconnectMinMs ?? 50;
    const maxMs = this.#options.reconnectMaxMs ?? 5_000;
    const ceilingMs = Math.min(maxMs, minMs * 2 ** Math.min(this.#attempt++, 20));
    return ceilingMs * (0.5 + 0.5 * Math.random());
  }

  /** Ends it for good. Requests and members get `failure`. */
  close(failure: RingMQError): void {
    if (this.#failure !== null) {
      return;
    }
    this.#failure = failure;
    clearInterval(this.#pingTimer);
    this.#ended.abort();
    this.#firstTries.abort();
    this.#dropLink(1000);
    this.#handshake?.reject(failure);
    this.requests.fail(failure);
    for (const sender of this.produce.senders()) {
      sender.onFailed(failure);
    }
    for (const receiver of [...this.#receivers.values()]) {
      receiver.onFailed(failure);
    }
  }

  /** Registers a consumer; its number on this connection. */
  addReceiver(receiver: FrameReceiver): number {
    const id = this.#nextReceiverId++;
    this.#receivers.set(id, receiver);
    return id;
  }

  removeReceiver(id: number): void {
    this.#receivers.delete(id);
  }

  /** Tells the broker how many bytes of deliver frames a consumer takes in all. */
  sendCredit(receiverId: number, total: number): void {
    if (this.#isOpen) {
      this.#link?.send(makeFrame(OPCODE.credit, receiverId, { value: total }));
    }
  }

  async #establish(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const stop = new AbortController();
    const giveUp = () => stop.abort(new RingMQError('ABORTED'));
    const timer = setTimeout(() => stop.abort(new RingMQError('TIMEOUT', 'nobody answers')), timeoutMs);
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#ended.signal.addEventListener('abort', giveUp, { once: true });
    try {
      if (signal?.aborted || this.#ended.signal.aborted) {
        giveUp();
      }
      stop.signal.throwIfAborted();
      const made = this.#factory(stop.signal);
      // A link that is there at once is greeted at once.
      const link = made instanceof Promise ? await made : made;
      if (stop.signal.aborted) {
        link.close();
        stop.signal.throwIfAborted();
      }
      await this.#greet(link, stop.signal);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      this.#ended.signal.removeEventListener('abort', giveUp);
    }
  }

  async #greet(link: Link, signal: AbortSignal): Promise<void> {
    const handshake = new Deferred<void>();
    this.#handshake = handshake;
    this.#link = link;
    link.onFrame = (frame) => this.#onFrame(frame, link);
    link.onClose = (reason) => this.#onClose(link, reason);
    const giveUp = () => handshake.reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    const hello: Hello = {
      version: PROTOCOL_VERSION,
      features: [],
      client: this.#options.name ?? 'ringmq-js',
    };
    link.send(controlFrame(OPCODE.hello, 0, hello));
    try {
      await handshake.promise;
    } catch (error) {
      this.#dropLink(1000);
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** Called within the welcome frame, so that nothing that follows it in the same turn is missed. */
  #onWelcome(frame: Uint8Array): void {
    const welcome = controlPayload(frame) as unknown as Welcome;
    if (welcome.version !== PROTOCOL_VERSION) {
      throw new RingMQError('UNSUPPORTED_VERSION', `the broker speaks version ${String(welcome.version)}`);
    }
    if (typeof welcome.brokerId !== 'string' || (welcome.flush !== 'sync' && welcome.flush !== 'async')) {
      throw new RingMQError('BAD_FRAME', 'a welcome without broker id or flush policy');
    }
    this.#welcome = welcome;
    this.#isOpen = true;
    const { brokerId, openingId } = welcome;
    // A broker that does not name its opening may be another one with each link.
    const opening = openingId ?? `link ${this.requests.link + 1}`;
    this.produce.open(frameValue(frame), { brokerId, opening });
    this.#lastError = null;
    this.#handshake?.resolve();
    this.#handshake = null;
    this.requests.onConnected();
    for (const sender of this.produce.senders()) {
      sender.onConnected();
    }
    callUser(this.#options.onConnection, 'connected');
    for (const receiver of [...this.#receivers.values()]) {
      receiver.onConnected();
    }
    this.produce.pumpAll();
  }

  #onFrame(frame: Uint8Array, link: Link): void {
    if (link !== this.#link) {
      return;
    }
    this.#heard = true;
    try {
      this.#dispatch(frame, link);
    } catch (error) {
      const reason = isRingMQError(error) ? error : new RingMQError('INTERNAL', undefined, { cause: error });
      if (this.#handshake !== null) {
        this.#handshake.reject(reason);
      } else {
        this.#lost(reason);
      }
    }
  }

  #dispatch(frame: Uint8Array, link: Link): void {
    if (frame.length < FRAME_HEADER_BYTES) {
      throw new RingMQError('BAD_FRAME', 'a frame without a whole header');
    }
    const opcode = frameOpcode(frame);
    if (!this.#isOpen && opcode !== OPCODE.welcome && opcode !== OPCODE.error) {
      throw new RingMQError('BAD_FRAME', `opcode ${opcode} before the welcome`);
    }
    switch (opcode) {
      case OPCODE.ack:
        this.#onAck(frame);
        break;
      case OPCODE.deliver: {
        const receiver = this.#receivers.get(frameId(frame));
        // One that has just left: the broker did not know yet. Not `slice`, which is a view on a Node Buffer.
        if (receiver !== undefined) {
          receiver.onDeliver(
            link.framesAreOwned === true ? frame : new Uint8Array(frame),
            link.releaseFrame ?? null,
          );
        }
        break;
      }
      case OPCODE.skip:
        if (frame.length < SKIP_BYTES) {
          throw new RingMQError('BAD_FRAME', 'a skip frame is cut off');
        }
        this.#receivers
          .get(frameId(frame))
          ?.onSkip(readUint32(frame, FRAME_HEADER_BYTES + 4), readUint64(frame, FRAME_HEADER_BYTES + 8));
        break;
      case OPCODE.credit:
        this.produce.onCredit(frameValue(frame));
        this.produce.pump();
        break;
      case OPCODE.response:
        this.#attempt = 0;
        this.requests.onResponse(frameId(frame), (frameFlags(frame) & FRAME_FLAG.failed) !== 0, frame);
        this.#cleared(1);
        break;
      case OPCODE.event:
        this.#onEvent(frame);
        break;
      case OPCODE.ping:
        link.send(makeFrame(OPCODE.pong, frameId(frame)));
        break;
      case OPCODE.pong:
        break;
      case OPCODE.welcome:
        if (this.#handshake === null) {
          throw new RingMQError('BAD_FRAME', 'a second welcome');
        }
        this.#onWelcome(frame);
        break;
      case OPCODE.error:
        this.#onError(frame);
        break;
      default:
        throw new RingMQError('BAD_FRAME', `unknown opcode ${opcode}`);
    }
  }

  #onAck(frame: Uint8Array): void {
    this.#attempt = 0;
    const before = this.produce.inFlightCount;
    this.produce.onAck(frame);
    if (this.#suspectCount > 0) {
      this.#cleared(Math.max(1, before - this.produce.inFlightCount));
    }
  }

  /** So many things that were under way are answered: it was not over them that the link ended. */
  #cleared(count: number): void {
    if (this.#suspectCount === 0) {
      return;
    }
    this.#suspectCount = Math.max(0, this.#suspectCount - count);
    this.produce.pump();
    this.requests.pump();
  }

  #onEvent(frame: Uint8Array): void {
    const event = controlPayload(frame);
    if (event['event'] === 'topicChanged') {
      for (const sender of this.produce.senders()) {
        sender.onTopicChanged(String(event['topic']));
      }
      return;
    }
    this.#receivers.get(frameId(frame))?.onEvent(event);
  }

  #onError(frame: Uint8Array): void {
    const body = controlPayload(frame);
    const details = typeof body['details'] === 'object' && body['details'] !== null ? body['details'] : {};
    const error = new RingMQError(errorCodeOfName(String(body['code'])), String(body['message'] ?? ''), {
      details: details as Record<string, unknown>,
    });
    this.#lastError = error;
    this.#handshake?.reject(error);
  }

  #onClose(link: Link, reason: unknown): void {
    if (link !== this.#link) {
      return;
    }
    const error = this.#lastError ?? new RingMQError('CONNECTION_LOST', undefined, { cause: reason });
    if (this.#handshake !== null) {
      this.#handshake.reject(error);
    } else {
      this.#lost(error);
    }
  }

  /** The link is of no use any more. Everybody is told, then a new one is made. */
  #lost(reason: RingMQError): void {
    if (!this.#isOpen || this.#failure !== null) {
      return;
    }
    const isOurFault = !ERRORS[reason.code].retryable && reason.code !== 'BROKER_CLOSED';
    const underWay = this.#underWay;
    // The broker names a batch that it ended the connection over; of other things what was alone under way is known.
    const named = isOurFault ? this.produce.inFlight(reason.details['batch']) : null;
    let blamed = named ?? (isOurFault && underWay === 1 ? this.produce.onlyInFlight() : null);
    if (reason.code === 'BAD_CHECKSUM' && blamed?.batch.sendCount === 1) {
      // Damaged on its way: once more may be enough.
      blamed = null;
    }
    if (isOurFault) {
      this.warn(`the connection ended over what was sent (${reason.code}: ${reason.message})`, {
        code: reason.code,
      });
      this.#suspectCount = underWay > 1 && named === null ? underWay : 0;
    }
    this.#dropLink(1000);
    this.produce.trouble = reason;
    this.#lostAt = monotonicMs();
    this.requests.onLost(isOurFault && underWay === 1 && named === null ? reason : null);
    for (const sender of this.produce.busySenders()) {
      sender.onLost();
    }
    blamed?.sender.onBlamed(blamed.batch, reason);
    for (const receiver of [...this.#receivers.values()]) {
      receiver.onLost();
    }
    callUser(this.#options.onConnection, 'disconnected', reason);
    if (FINAL.has(reason.code)) {
      this.close(reason);
      return;
    }
    if (!this.#isReconnecting) {
      void this.#reconnect();
    }
  }

  #dropLink(code: number): void {
    const link = this.#link;
    this.#link = null;
    this.#isOpen = false;
    this.#handshake = null;
    this.produce.shut();
    if (link === null) {
      return;
    }
    link.onFrame = null;
    link.onClose = null;
    link.close(code);
  }

  /**
   * Tries until a link stands. There is one such loop at a time: a link that is lost again within its welcome, before
   * the loop has seen that it stood, is this loop's to replace; a second loop would later replace a link that is good.
   */
  async #reconnect(): Promise<void> {
    this.#isReconnecting = true;
    let told = '';
    while (this.#failure === null && !this.#isOpen) {
      await pause(this.#nextWait(), this.#ended.signal);
      if (this.#failure !== null) {
        break;
      }
      try {
        await this.#establish(this.#tryMs, undefined);
      } catch (error) {
        if (isRingMQError(error) && FINAL.has(error.code)) {
          this.close(error);
        } else if (this.#failure === null) {
          told = this.#tellTrouble(error, told);
        }
      }
    }
    this.#isReconnecting = false;
  }

  #checkPulse(): void {
    if (!this.#isOpen) {
      return;
    }
    if (this.#heard) {
      this.#pinged = false;
    } else if (this.#pinged) {
      this.#pinged = false;
      this.#lost(new RingMQError('CONNECTION_LOST', 'the broker does not answer pings'));
      return;
    } else {
      this.#pinged = true;
      this.#link?.send(makeFrame(OPCODE.ping, 0));
    }
    this.#heard = false;
  }
}

function isTimeout(error: unknown): boolean {
  return isRingMQError(error) && error.code === 'TIMEOUT';
}
