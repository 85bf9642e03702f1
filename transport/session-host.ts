/**
 * What the sessions of one thread share: the engine's door, one buffer for deliver frames, the budget of
 * producers' windows, and the order in which acks and deliveries go out.
 *
 * Acks: sessions that gathered some in a run of microtasks are flushed at its end, so that a burst is one
 * frame and a single send does not wait. Deliveries: up to `deliverTurnBytes` for all sessions in turn, then
 * the event loop gets to read sockets (`setImmediate`) before they go on.
 */
import { setImmediate } from 'node:timers';
import type { ConnectionSource, EngineThread, OpenConnection } from '../engine/engine-thread.js';
import { AddressLimits } from '../native-free/listener/address-limits.js';
import type { Socket } from '../native-free/listener/types.js';
import { WorkTurns } from '../native-free/listener/work-turns.js';
import {
  type ErrorCode,
  MAX_FRAME_BYTES,
  makeFrame,
  OPCODE,
  RingMQError,
} from '../native-free/wire/index.js';
import { AccessWatch } from './auth/access-watch.js';
import type { Principal } from './auth/principal.js';
import { encodeControl } from './control-payload.js';
import { HeavyLane } from './heavy-lane.js';
import { ReplicaSession } from './replica-session.js';
import { Session } from './session.js';
import { SESSION_DEFAULTS, type SessionOptions } from './session-options.js';
import type { SessionOwner } from './session-owner.js';
import { SessionWatch } from './session-watch.js';

/** A slave that says nothing for so long, though it is told of the log several times a second, is gone. */
const REPLICA_SILENCE_MS = 10_000;

export class SessionHost implements SessionOwner<Session>, ConnectionSource {
  readonly engine: EngineThread;
  readonly options: SessionOptions;
  /** Used by one session at a time, for the length of a call. Sockets take what they need of it before `send` returns. */
  readonly frameBuffer = new Uint8Array(MAX_FRAME_BYTES);
  readonly heavyLane = new HeavyLane();
  readonly searchLane = new HeavyLane();
  readonly workTurns = new WorkTurns();
  requestBytes = 0;
  readonly watch: SessionWatch;
  /** Number of this turn of the event loop, as far as anybody asked. */
  #turnNumber = 0;
  #isTurnWatched = false;
  #toResume: (() => void)[] = [];
  readonly #sessions = new Set<Session>();
  readonly #replicaSessions = new Set<ReplicaSession>();
  readonly #accessWatch: AccessWatch | null;
  readonly #addresses: AddressLimits;
  /** Those that their address is counted for; empty without a limit. */
  readonly #counted = new Set<Session>();
  readonly #stopListening: () => void;
  readonly #flushAll = (): void => this.#runFlush();
  readonly #deliverAll = (): void => this.#runDeliveries();
  #toFlush: Session[] = [];
  readonly #toDeliver = new Set<Session>();
  readonly #endTurn = (): void => {
    this.#isTurnWatched = false;
    this.#turnNumber++;
    for (const resume of this.#toResume.splice(0)) {
      resume();
    }
  };
  #isDeliveryDue = false;
  #nextConnection = 1;
  #isClosed = false;
  #isStopping = false;

  constructor(engine: EngineThread, options: Partial<SessionOptions> = {}) {
    this.engine = engine;
    this.options = { ...SESSION_DEFAULTS, ...options };
    this.#addresses = new AddressLimits({
      connections: this.options.maxConnectionsPerAddress,
      perSecond: this.options.maxHandshakesPerAddress,
      table: this.options.addressTable,
    });
    this.watch = new SessionWatch(this.options, this.#sessions);
    this.#accessWatch = this.options.authenticates
      ? new AccessWatch(engine.access, this.#sessions, this.options.onDefect)
      : null;
    const stopListening = engine.onTopicChanged((topic, topicId) => this.#topicChanged(topic, topicId));
    const stopShowing = engine.showConnections(this);
    this.#stopListening = () => {
      stopListening();
      stopShowing();
    };
  }

  *connections(): Generator<OpenConnection> {
    yield* this.#sessions;
    yield* this.#replicaSessions;
  }

  /** No session will be let in any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  get connectionCount(): number {
    return this.#sessions.size;
  }

  /** Batches that come now are not taken: see {@link stopTaking}. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** What one connection's produce window is, as many as there are now. */
  get produceWindowBytes(): number {
    const { produceWindowBytes, minProduceWindowBytes, produceBudgetBytes } = this.options;
    const part = Math.floor(produceBudgetBytes / Math.max(1, this.#sessions.size));
    return Math.max(Math.min(produceWindowBytes, part), Math.min(minProduceWindowBytes, produceWindowBytes));
  }

  /**
   * A session for a connection that has just been made: what a listener's `accept` returns. `http`: it stands for
   * plain HTTP of whoever has logged in there; a null principal: nobody has to.
   */
  open(socket: Socket, http: { principal: Principal | null } | null = null): Session {
    const session = new Session(this, socket, `c${this.#nextConnection++}`, http);
    this.#sessions.add(session);
    this.watch.opened();
    const { meter } = this.engine;
    meter.connections++;
    meter.connectionsOpened++;
    meter.publish();
    this.engine.noteConnection('opened', session.remote, '');
    if (this.#isStopping) {
      queueMicrotask(() => session.fail('BROKER_CLOSED'));
    } else if (this.#counts(session)) {
      const tooMany = this.#addresses.come(session.socket.remote);
      if (tooMany !== null) {
        meter.connectionsRefused++;
        queueMicrotask(() => session.fail('TOO_MANY_CONNECTIONS', `there are more ${tooMany}`));
      }
      this.#counted.add(session);
    }
    return session;
  }

  /** Plain HTTP and clients of this process are no connections of an address. */
  #counts(session: Session): boolean {
    return !this.#addresses.isOff && !session.isHttp && this.options.listener !== 'embedded';
  }

  /** The same for a slave's connection. */
  openReplica(socket: Socket): ReplicaSession {
    const { onDefect, handshakeTimeoutMs } = this.options;
    const session = new ReplicaSession(
      {
        engine: this.engine,
        id: this.engine.newConnectionId(),
        handshakeTimeoutMs,
        silenceMs: REPLICA_SILENCE_MS,
        trustsLoopback: !this.options.authenticates,
        onClosed: (closed) => this.#replicaSessions.delete(closed),
        onDefect,
      },
      socket,
    );
    this.#replicaSessions.add(session);
    if (this.#isStopping) {
      queueMicrotask(() => session.fail('BROKER_CLOSED', 'the broker is closed'));
    }
    return session;
  }

  /** For sessions: what they were told of their user's rights holds no more. */
  renewRights(): void {
    this.#accessWatch?.renewSoon();
  }

  get turn(): number {
    if (!this.#isTurnWatched) {
      this.#isTurnWatched = true;
      setImmediate(this.#endTurn);
    }
    return this.#turnNumber;
  }

  inNextTurn(resume: () => void): void {
    this.#toResume.push(resume);
    void this.turn;
  }

  /** For sessions. */
  forget(session: Session): void {
    if (this.#sessions.delete(session)) {
      this.engine.meter.connections--;
      this.engine.meter.publish();
      this.engine.noteConnection('closed', session.remote, session.clientName);
    }
    this.#toDeliver.delete(session);
    if (this.#counted.delete(session)) {
      this.#addresses.gone(session.socket.remote);
    }
  }

  /** For sessions. */
  flushSoon(session: Session): void {
    if (this.#toFlush.push(session) === 1) {
      queueMicrotask(this.#flushAll);
    }
  }

  /** For sessions. */
  deliverSoon(session: Session): void {
    this.#toDeliver.add(session);
    if (this.#isDeliveryDue) {
      return;
    }
    this.#isDeliveryDue = true;
    queueMicrotask(this.#deliverAll);
  }

  /**
   * The first half of a stop. No batch is taken any more, no credit given, nothing delivered and nobody let
   * in, so that what was taken before gets its acks soon. Requests are answered, so that consumers' commits
   * still count. A batch that comes now gets no ack: its producer sends it again, over its next connection.
   */
  stopTaking(): void {
    this.#isStopping = true;
  }

  /** Tells every connection why, closes it, and refuses new ones. The engine stays open. */
  close(code: ErrorCode = 'BROKER_CLOSED'): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#isStopping = true;
    this.#stopListening();
    this.watch.close();
    this.#accessWatch?.close();
    for (const session of [...this.#sessions]) {
      session.failWith(new RingMQError(code));
    }
    for (const session of [...this.#replicaSessions]) {
      session.fail(code, 'the broker is closed');
    }
  }

  #runFlush(): void {
    const sessions = this.#toFlush;
    this.#toFlush = [];
    for (const session of sessions) {
      session.flush();
    }
  }

  #runDeliveries(): void {
    this.#isDeliveryDue = false;
    if (this.#isStopping) {
      this.#toDeliver.clear();
      return;
    }
    const { meter } = this.engine;
    let budget = this.options.deliverTurnBytes;
    // Each gets its part, so that a fast reader does not keep the others waiting.
    const part = Math.max(this.options.deliverFrameBytes, Math.floor(budget / this.#toDeliver.size));
    for (const session of this.#toDeliver) {
      if (budget <= 0) {
        break;
      }
      // A set goes on with what is added to it while it is walked through: one that has more work goes to its
      // end.
      this.#toDeliver.delete(session);
      const begun = meter.begin();
      budget -= session.deliver(Math.min(part, budget));
      meter.end(begun, 'delivering to a consumer', session);
      if (session.hasDeliveries) {
        this.#toDeliver.add(session);
      }
    }
    if (this.#toDeliver.size === 0) {
      return;
    }
    this.#isDeliveryDue = true;
    setImmediate(this.#deliverAll);
  }

  #topicChanged(topic: string, topicId: number): void {
    const payload = encodeControl({ event: 'topicChanged', topic, topicId });
    const frame = makeFrame(OPCODE.event, 0, { payload });
    for (const session of this.#sessions) {
      session.topicChanged(topic, frame);
    }
  }
}
