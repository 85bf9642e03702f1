/**
 * One connection to a broker that mends itself: handshake, requests and answers, produce credit, pings,
 * reconnects. Producers and consumers hang on it and are told when it is lost and when it stands again.
 */
import { monotonicMs } from '../../time/index.js';
import {
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  frameFlags,
  frameId,
  frameOpcode,
  frameValue,
  isRingMQError,
  MAX_BATCH_BYTES,
  makeFrame,
  OPCODE,
  RingMQError,
  type Welcome,
} from '../../wire/index.js';
import { abortError } from '../abort.js';
import { asRingMQError } from '../failures.js';
import { Admission } from './admission.js';
import { Connecting, isFinal } from './connecting.js';
import { ConnectionNews } from './connection-news.js';
import type { ConnectionOptions } from './connection-options.js';
import { controlPayload } from './control-codec.js';
import { readError } from './incoming.js';
import type { Link, LinkFactory } from './link.js';
import type { LinkUser } from './link-user.js';
import { Pulse } from './pulse.js';
import { Receivers } from './receivers.js';
import { Requests } from './requests.js';
import { SendLine } from './send-line.js';
import { Suspects } from './suspects.js';

export class Connection {
  readonly #options: ConnectionOptions;
  /** Consumers, each with a number on this connection. */
  readonly receivers = new Receivers();
  readonly requests: Requests;
  /** Why the connection is over for good, if it is. A field, as it is asked for each message. */
  failure: RingMQError | null = null;
  #link: Link | null = null;
  /** The handshake is done. */
  #isOpen = false;
  #welcome: Welcome | null = null;
  readonly #admission: Admission;
  readonly #suspects = new Suspects();
  #lostAt = 0;
  readonly #connecting: Connecting;
  readonly #pulse: Pulse;

  /** Producers and what they have under way. */
  readonly produce: SendLine;
  readonly news: ConnectionNews;

  constructor(factory: LinkFactory, options: ConnectionOptions) {
    this.#options = options;
    this.#admission = this.#makeAdmission();
    const mayStart = () => this.#suspects.areCleared || this.#underWay === 0;
    const send = (frame: Uint8Array) => this.#link?.send(frame);
    this.produce = new SendLine(send, mayStart);
    const { produce } = this;
    this.news = new ConnectionNews(options, produce);
    this.requests = new Requests(options.requestTimeoutMs ?? 30_000, {
      send,
      mayStart,
      get trouble() {
        return produce.trouble;
      },
      warn: (message, details) => this.news.warn(message, details),
    });
    this.#connecting = this.#makeConnecting(factory);
    this.#pulse = new Pulse({
      isOpen: () => this.#isOpen,
      ping: () => send(makeFrame(OPCODE.ping, 0)),
      onNoPulse: () => this.#lost(new RingMQError('CONNECTION_LOST', 'the broker does not answer pings')),
    });
  }

  #makeAdmission(): Admission {
    return new Admission(this.#options.credentials, {
      renew: async (token) => (await this.requests.call('renew', { token }, { onlyNow: true })).expiresInMs,
      warn: (message, details) => this.news.warn(message, details),
    });
  }

  #makeConnecting(factory: LinkFactory): Connecting {
    return new Connecting(factory, this.#options, {
      user: this.user,
      failure: () => this.failure,
      isOpen: () => this.#isOpen,
      greet: (link, signal) => this.#greet(link, signal),
      onTrouble: (trouble, isNew) => this.news.trouble(trouble, isNew),
      close: (reason) => this.close(reason),
    });
  }

  /** As whom it comes; null: as nobody. */
  get user(): LinkUser | null {
    return this.#admission.user;
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

  /** Which opening of which broker the link is to; see {@link Welcome.openingId}. */
  get opening(): string {
    return this.welcome.openingId ?? `link ${this.requests.link}`;
  }

  /** The broker's last welcome. */
  get welcome(): Welcome {
    if (this.#welcome === null) {
      throw new RingMQError('CLOSED', 'the client is not connected yet');
    }
    return this.#welcome;
  }

  /** The largest batch that the broker takes, as far as it has said. */
  get batchBytes(): number {
    return this.#welcome?.limits.batchBytes ?? MAX_BATCH_BYTES;
  }

  /** Makes the first connection. Rejects with `CONNECT_FAILED` (or what the broker said) and is then over. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#connecting.first(signal);
    } catch (error) {
      const failure = signal?.aborted ? abortError(signal) : asRingMQError(error);
      this.close(failure);
      throw failure;
    }
    this.#pulse.start(this.#options.pingIntervalMs ?? 15_000);
  }

  /** Ends it for good. Requests and members get `failure`. */
  close(failure: RingMQError): void {
    if (this.failure !== null) {
      return;
    }
    this.failure = failure;
    this.#pulse.stop();
    this.#connecting.stop();
    this.#dropLink(1000);
    this.requests.fail(failure);
    this.produce.onFailed(failure);
    this.receivers.onFailed(failure);
  }

  /** Gives up the link as if it were lost, for another one. */
  reconnect(reason: RingMQError): void {
    this.#lost(reason);
  }

  /** Whoever was away may be back: without a link, another try is made at once. */
  hurry(): void {
    if (!this.#isOpen) {
      this.#connecting.hurry();
    }
  }

  /** Tells the broker how many bytes of deliver frames a consumer takes in all. */
  sendCredit(receiverId: number, total: number): void {
    if (this.#isOpen) {
      this.#link?.send(makeFrame(OPCODE.credit, receiverId, { value: total }));
    }
  }

  async #greet(link: Link, signal: AbortSignal): Promise<void> {
    const isGreeted = (): boolean => link === this.#link && !this.#isOpen;
    const handshake = this.#admission.begin((frame) => isGreeted() && link.send(frame));
    this.#link = link;
    link.onFrame = (frame) => this.#onFrame(frame, link);
    link.onClose = (reason) => this.#onClose(link, reason);
    const welcomed = handshake.run(this.#options.name ?? 'ringmq-js', signal);
    try {
      await welcomed;
    } catch (error) {
      this.#dropLink(1000);
      throw error;
    }
  }

  /** Called within the welcome frame, so that nothing that follows it in the same turn is missed. */
  #onWelcome(frame: Uint8Array): void {
    const welcome = this.#admission.welcomed(frame, this.#options.mayBeNameServer);
    this.#options.check?.(welcome);
    this.#welcome = welcome;
    this.#isOpen = true;
    const { brokerId, openingId } = welcome;
    // A broker that does not name its opening may be another one with each link.
    const opening = openingId ?? `link ${this.requests.link + 1}`;
    const mayProduce = this.#options.mayProduce?.(welcome) ?? true;
    if (mayProduce) {
      this.produce.open(frameValue(frame), { brokerId, opening });
    }
    this.#admission.succeed(welcome);
    this.requests.onConnected();
    if (mayProduce) {
      this.produce.onConnected();
    }
    this.news.connected();
    this.receivers.onConnected();
    this.produce.pumpAll();
  }

  #onFrame(frame: Uint8Array, link: Link): void {
    if (link !== this.#link) {
      return;
    }
    this.#pulse.heard();
    try {
      this.#dispatch(frame, link);
    } catch (error) {
      const reason = isRingMQError(error) ? error : new RingMQError('INTERNAL', undefined, { cause: error });
      this.#failed(reason);
    }
  }

  #dispatch(frame: Uint8Array, link: Link): void {
    if (frame.length < FRAME_HEADER_BYTES) {
      throw new RingMQError('BAD_FRAME', 'a frame without a whole header');
    }
    const opcode = frameOpcode(frame);
    if (!this.#isOpen && opcode !== OPCODE.welcome && opcode !== OPCODE.error) {
      if (opcode === OPCODE.challenge && this.#admission.challenged(frame)) {
        return;
      }
      throw new RingMQError('BAD_FRAME', `opcode ${opcode} before the welcome`);
    }
    switch (opcode) {
      case OPCODE.ack:
        this.#onAck(frame);
        break;
      case OPCODE.deliver:
        this.receivers.onDeliver(frame, link);
        break;
      case OPCODE.skip:
        this.receivers.onSkip(frame);
        break;
      case OPCODE.credit:
        this.produce.onCredit(frameValue(frame));
        this.produce.pump();
        break;
      case OPCODE.response:
        this.#connecting.answered();
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
        if (!this.#admission.isUnderWay) {
          throw new RingMQError('BAD_FRAME', 'a second welcome');
        }
        this.#onWelcome(frame);
        break;
      case OPCODE.error:
        this.#admission.refused(readError(frame));
        break;
      default:
        throw new RingMQError('BAD_FRAME', `unknown opcode ${opcode}`);
    }
  }

  #onAck(frame: Uint8Array): void {
    this.#connecting.answered();
    const before = this.produce.inFlightCount;
    this.produce.onAck(frame);
    if (!this.#suspects.areCleared) {
      this.#cleared(Math.max(1, before - this.produce.inFlightCount));
    }
  }

  /** So many things that were under way are answered: it was not over them that the link ended. */
  #cleared(count: number): void {
    if (this.#suspects.clear(count)) {
      this.produce.pump();
      this.requests.pump();
    }
  }

  #onEvent(frame: Uint8Array): void {
    const event = controlPayload(frame);
    if (event['event'] === 'topicChanged') {
      this.news.topicChanged(String(event['topic']));
      return;
    }
    if (!this.receivers.onEvent(frameId(frame), event)) {
      this.news.event(event);
    }
  }

  #onClose(link: Link, reason: unknown): void {
    if (link !== this.#link) {
      return;
    }
    this.#failed(
      this.#admission.lastError ?? new RingMQError('CONNECTION_LOST', undefined, { cause: reason }),
    );
  }

  /** The link is of no use: a handshake over it has failed, or it is lost. */
  #failed(reason: RingMQError): void {
    if (!this.#admission.fail(reason)) {
      this.#lost(reason);
    }
  }

  /** The link is of no use any more. Everybody is told, then a new one is made. */
  #lost(reason: RingMQError): void {
    if (!this.#isOpen || this.failure !== null) {
      return;
    }
    const { isOurFault, batch, isRequest } = this.#suspects.judge(
      reason,
      this.produce,
      this.requests.inFlightCount,
    );
    if (isOurFault) {
      this.news.ourFault(reason);
    }
    this.#dropLink(1000);
    this.produce.trouble = reason;
    this.#lostAt = monotonicMs();
    this.requests.onLost(isRequest ? reason : null);
    this.produce.onLost();
    batch?.sender.onBlamed(batch.batch, reason);
    this.receivers.onLost();
    this.news.disconnected(reason);
    if (isFinal(reason, this.user) && this.#options.isPatient !== true) {
      this.close(reason);
      return;
    }
    void this.#connecting.again();
  }

  #dropLink(code: number): void {
    const link = this.#link;
    this.#link = null;
    this.#isOpen = false;
    this.#admission.end();
    this.produce.shut();
    if (link === null) {
      return;
    }
    link.onFrame = null;
    link.onClose = null;
    link.close(code);
  }
}
