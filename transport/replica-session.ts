/**
 * One slave's connection as its master sees it. Whatever does not belong ends this connection and counts for
 * nothing.
 *
 *     nonce ──▶ challenge ── proof ──▶ proof ── hello ──▶ welcome, state ── start ──▶ log, acks
 *        └── anything else, or too late ──▶ error, close
 *
 * Until the slave has proved that it knows the secret, no frame of it may have more than 4 KiB.
 */
import { randomBytes } from 'node:crypto';
import type {
  EngineThread,
  OpenConnection,
  ReplicaFeed,
  ReplicaGreeting,
  ReplicaLink,
} from '../engine/engine-thread.js';
import type { Socket, SocketHandler } from '../native-free/listener/types.js';
import { clearTimeout, setTimeout } from '../native-free/time/index.js';
import {
  type ConnectionInfo,
  closeCodeOf,
  decodeFacts,
  ERRORS,
  type ErrorCode,
  encodeFacts,
  FACTS_LIMIT_BYTES,
  FRAME,
  FRAME_HEADER_BYTES,
  frameId,
  frameValue,
  isRingMQError,
  makeFrame,
  NONCE_BYTES,
  PROOF_FRAME_LIMIT_BYTES,
  REPLICA_FLAG_LAST,
  REPLICA_FLAG_LATER,
  REPLICA_OPCODE,
  REPLICA_VERSION,
  readUint64,
  replicaErrorFrame,
  replicaFrameFault,
  STATE_PIECE_BYTES,
} from '../native-free/wire/index.js';
import { CountedSocket } from './counted-socket.js';

/** What is waited for next. `answer`: the opener's, and nothing of the slave. */
type Stage = 'nonce' | 'proof' | 'hello' | 'start' | 'log' | 'answer' | 'closed';

export interface ReplicaSessionDeps {
  readonly engine: EngineThread;
  /** Of all connections there are and have been. */
  readonly id: string;
  /** The whole handshake must be over so soon. */
  readonly handshakeTimeoutMs: number;
  /** A slave says something at least so often. */
  readonly silenceMs: number;
  /** Whoever comes from this machine needs no secret where there is none. */
  readonly trustsLoopback: boolean;
  onClosed(session: ReplicaSession): void;
  onDefect(message: string, error: unknown): void;
}

export class ReplicaSession implements SocketHandler, ReplicaLink, OpenConnection {
  readonly #deps: ReplicaSessionDeps;
  readonly #socket: CountedSocket;
  readonly #openedTime = Date.now();
  #bytesIn = 0;
  #slave = '';
  #stage: Stage = 'nonce';
  #slaveNonce = new Uint8Array(0);
  #masterNonce = new Uint8Array(0);
  #greeting: ReplicaGreeting | null = null;
  #feed: ReplicaFeed | null = null;
  #timer: NodeJS.Timeout;
  #isTaking = false;
  /** What the slave has proved, and when it was looked at last. */
  #proof: Uint8Array = new Uint8Array(0);
  #provedVersion = 0;

  constructor(deps: ReplicaSessionDeps, socket: Socket) {
    this.#deps = deps;
    this.#socket = new CountedSocket(socket);
    this.#timer = setTimeout(
      () => this.fail('HANDSHAKE_TIMEOUT', 'the handshake took too long'),
      deps.handshakeTimeoutMs,
    );
    this.#timer.unref();
  }

  get maxPartialBytes(): number {
    const isProved = this.#stage !== 'nonce' && this.#stage !== 'proof';
    return isProved ? FRAME_HEADER_BYTES + FACTS_LIMIT_BYTES : PROOF_FRAME_LIMIT_BYTES;
  }

  get id(): string {
    return this.#deps.id;
  }

  facts(): ConnectionInfo {
    return {
      id: this.id,
      thread: this.#deps.engine.name,
      user: null,
      name: this.#slave,
      address: this.#socket.remote,
      kind: 'broker',
      openedTime: this.#openedTime,
      bytesIn: this.#bytesIn,
      bytesOut: this.#socket.sentBytes,
      messagesIn: 0,
      messagesOut: 0,
      creditBytes: 0,
      unsentBytes: this.#socket.bufferedBytes,
      producers: [],
      producerCount: 0,
      consumers: [],
      consumerCount: 0,
    };
  }

  producedTopics(): Iterable<string> {
    return [];
  }

  consumersThere(): Iterable<{ group: string | null; topic: string }> {
    return [];
  }

  closeByAdministrator(): void {
    this.fail('CONNECTION_CLOSED', ERRORS.CONNECTION_CLOSED.message);
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  send(frame: Uint8Array): void {
    if (this.#stage !== 'closed') {
      this.#socket.send(frame);
    }
  }

  onFrame(frame: Uint8Array): void {
    if (this.#stage === 'closed') {
      return;
    }
    this.#bytesIn += frame.length;
    const fault =
      frame.length > this.maxPartialBytes
        ? `a frame of ${frame.length} bytes, where ${this.maxPartialBytes} are allowed`
        : replicaFrameFault(frame, FRAME_HEADER_BYTES);
    if (fault !== null) {
      this.fail('BAD_FRAME', fault);
      return;
    }
    try {
      this.#dispatch(frame);
    } catch (error) {
      this.#failWith(error);
    }
  }

  onText(): void {
    this.fail('BAD_FRAME', 'text messages have no meaning here');
  }

  onExcess(what: string): void {
    this.fail('TOO_MANY_REQUESTS', `more than a connection may send: ${what}`);
  }

  onDrain(): void {
    this.#feed?.onDrain();
  }

  onClose(): void {
    this.#tearDown();
  }

  fail(code: ErrorCode, why: string): void {
    if (this.#stage === 'closed') {
      return;
    }
    this.#tearDown();
    this.#socket.send(replicaErrorFrame(ERRORS[code].wire, why));
    this.#socket.close(closeCodeOf(code), code);
  }

  #failWith(error: unknown): void {
    if (!isRingMQError(error)) {
      this.#deps.onDefect("a slave's connection failed", error);
      this.fail('INTERNAL', 'a defect at the master');
      return;
    }
    this.fail(error.code, error.message);
  }

  #dispatch(frame: Uint8Array): void {
    const opcode = frame[FRAME.opcode];
    if (opcode === REPLICA_OPCODE.nonce && this.#stage === 'nonce') {
      this.#onNonce(frame);
    } else if (opcode === REPLICA_OPCODE.proof && this.#stage === 'proof') {
      this.#whenAnswered(this.#prove(frame.slice(FRAME_HEADER_BYTES)));
    } else if (opcode === REPLICA_OPCODE.hello && this.#stage === 'hello') {
      this.#whenAnswered(this.#onHello(frame));
    } else if (opcode === REPLICA_OPCODE.start && this.#stage === 'start') {
      this.#onStart(frameValue(frame));
    } else if (opcode === REPLICA_OPCODE.ack && this.#stage === 'log') {
      this.#onAck(frameValue(frame), readUint64(frame, FRAME_HEADER_BYTES));
    } else if ((opcode === REPLICA_OPCODE.ask || opcode === REPLICA_OPCODE.bytes) && this.#stage === 'log') {
      this.#onRepair(frame);
    } else if (opcode === REPLICA_OPCODE.offsets && this.#stage === 'log' && !this.#isTaking) {
      this.#takeOver(frame);
    } else {
      this.fail('BAD_FRAME', `a frame of opcode ${opcode} does not belong here`);
    }
  }

  #onNonce(frame: Uint8Array): void {
    if (frameValue(frame) !== REPLICA_VERSION) {
      this.fail('UNSUPPORTED_VERSION', `version ${REPLICA_VERSION} is spoken here`);
      return;
    }
    this.#slaveNonce = frame.slice(FRAME_HEADER_BYTES);
    this.#masterNonce = new Uint8Array(randomBytes(NONCE_BYTES));
    this.#stage = 'proof';
    this.send(makeFrame(REPLICA_OPCODE.challenge, 0, { payload: this.#masterNonce }));
  }

  /** Until the opener has answered, a slave has nothing to say. */
  #whenAnswered(work: Promise<void>): void {
    this.#stage = 'answer';
    work.catch((error: unknown) => this.#failWith(error));
  }

  async #prove(proof: Uint8Array): Promise<void> {
    this.#proof = proof;
    const answer = await this.#answerTo(proof);
    if (this.#stage === 'closed') {
      return;
    }
    if (answer === null) {
      this.fail(
        'NOT_AUTHENTICATED',
        'the proof is not right: both need the same secret file; without one only loopback is trusted, and nobody where clients have to log in',
      );
      return;
    }
    this.#stage = 'hello';
    this.send(makeFrame(REPLICA_OPCODE.proof, 0, { payload: answer }));
  }

  /** The master's own proof; null: the slave's is not right. */
  #answerTo(proof: Uint8Array): Promise<Uint8Array | null> {
    const { replicas, access } = this.#deps.engine;
    const remote = this.#deps.trustsLoopback ? this.#socket.remote : 'not trusted';
    this.#provedVersion = access.version;
    return replicas.prove(this.#slaveNonce, this.#masterNonce, proof, remote);
  }

  /** The cluster's secret may be another one by now: what was proved has to be right yet. */
  async #proveAgain(): Promise<void> {
    const answer = await this.#answerTo(this.#proof);
    if (answer === null) {
      this.fail(
        'NOT_AUTHENTICATED',
        'the secret that was proved is not taken any more: prove the one of now',
      );
    }
  }

  async #onHello(frame: Uint8Array): Promise<void> {
    const facts = decodeFacts(frame);
    if (facts === null) {
      this.fail('BAD_FRAME', 'the hello does not hold together');
      return;
    }
    this.#slave = facts.name;
    const greeting = await this.#deps.engine.replicas.greet(facts);
    if (this.#stage === 'closed') {
      return;
    }
    this.#greeting = greeting;
    this.#stage = 'start';
    this.send(encodeFacts(REPLICA_OPCODE.welcome, greeting.facts));
    if (greeting.state !== null) {
      this.#sendState(greeting.state);
    }
  }

  #sendState(state: Uint8Array): void {
    let at = 0;
    do {
      const piece = state.subarray(at, at + STATE_PIECE_BYTES);
      at += piece.length;
      const flags = at >= state.length ? REPLICA_FLAG_LAST : 0;
      this.send(makeFrame(REPLICA_OPCODE.state, 0, { flags, value: state.length, payload: piece }));
    } while (at < state.length);
  }

  #onStart(position: number): void {
    const greeting = this.#greeting as ReplicaGreeting;
    if (position !== greeting.facts.begin) {
      this.fail('BAD_ARGUMENT', `it is to begin at ${greeting.facts.begin}, not at ${position}`);
      return;
    }
    this.#stage = 'log';
    this.#listen();
    this.#feed = this.#deps.engine.replicas.feed(greeting, position, this);
  }

  #onAck(received: number, flushed: number): void {
    // The silence counts from here. A timer of its own for each ack would be most of what an ack costs.
    this.#timer.refresh();
    if (this.#provedVersion !== this.#deps.engine.access.version) {
      this.#proveAgain().catch((error: unknown) => this.#failWith(error));
    }
    const fault = this.#feed?.onAck(received, flushed) ?? null;
    if (fault !== null) {
      this.fail('BAD_FRAME', fault);
    }
  }

  #onRepair(frame: Uint8Array): void {
    this.#listen();
    const fault = this.#feed?.onRepair(frame) ?? null;
    if (fault !== null) {
      this.fail('BAD_FRAME', fault);
    }
  }

  /** One at a time: a slave waits for the answer. */
  #takeOver(frame: Uint8Array): void {
    this.#listen();
    this.#isTaking = true;
    const id = frameId(frame);
    const { row } = this.#greeting as ReplicaGreeting;
    this.#deps.engine.replicas.takeOver(row, frame.slice(FRAME_HEADER_BYTES)).then(
      (value) => {
        this.#isTaking = false;
        this.send(makeFrame(REPLICA_OPCODE.taken, id, { value }));
      },
      (error: unknown) => {
        this.#isTaking = false;
        // A full disk, or too few slaves, end nothing: it is kept, and comes again.
        if (isRingMQError(error) && error.retryable) {
          this.send(makeFrame(REPLICA_OPCODE.taken, id, { flags: REPLICA_FLAG_LATER }));
        } else {
          this.#failWith(error);
        }
      },
    );
  }

  #listen(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.fail('TIMEOUT', 'the slave was silent for too long'),
      this.#deps.silenceMs,
    );
    this.#timer.unref();
  }

  #tearDown(): void {
    if (this.#stage === 'closed') {
      return;
    }
    this.#stage = 'closed';
    clearTimeout(this.#timer);
    this.#feed?.close();
    this.#feed = null;
    this.#deps.onClosed(this);
  }
}
