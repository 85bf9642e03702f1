/**
 * One connection to the master as its slave sees it: the handshake, then the log. It ends at whatever the
 * master should not have sent; a new one begins where the log ends.
 */
import { randomBytes } from 'node:crypto';
import { Follower, type FollowerDeps } from '../../engine/replica/follower.js';
import { isProof, proofOf } from '../../engine/replica/handshake.js';
import { RepairTalk } from '../../engine/replica/repair-talk.js';
import {
  ackFrame,
  decodeFacts,
  encodeFacts,
  errorCodeOfWire,
  FACT_FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  frameFlags,
  frameId,
  frameValue,
  LOG_FRAME_BYTES,
  LOG_FRAME_HEADER_BYTES,
  makeFrame,
  NONCE_BYTES,
  REPLICA_FLAG_LAST,
  REPLICA_FLAG_LATER,
  REPLICA_FLAG_OLD,
  REPLICA_OPCODE,
  REPLICA_VERSION,
  type ReplicaFacts,
  RingMQError,
  replicaErrorText,
  replicaFrameFault,
} from '../../native-free/wire/index.js';

/** The socket, as far as this needs it. */
export interface FollowerLink {
  /** Sent, and not taken by the kernel. */
  readonly bufferedBytes: number;
  send(frame: Uint8Array): void;
  /** Nothing is read for now, or is again. */
  pause(): void;
  resume(): void;
}

/** What the log of this broker can say of itself. */
export interface FollowerLog extends FollowerDeps {
  readonly end: number;
  readonly written: number;
  readonly flushed: number;
  /** Of the last batch. */
  readonly epoch: number;
  wantSync(): void;
}

export interface FollowerSessionDeps {
  readonly link: FollowerLink;
  readonly log: FollowerLog;
  /** The first is proved, by the slave and then by the master. */
  secrets(): readonly Uint8Array[];
  /** What this broker says in its hello. */
  readonly facts: ReplicaFacts;
  /** Bytes a second of what the master reads from files; 0: no bound. */
  readonly catchUpRateBytes: number;
  now(): number;
  /** `run` is to be called in so many milliseconds. */
  later(run: () => void, ms: number): void;
  /** The master has taken in what was handed over: `position` says below which its log has it, null that it is to come again later. */
  onTaken(position: number | null): void;
  /** Whole batches of this log from `position` on, for a master that has damage there. */
  readSound(position: number, bytes: number): Promise<Uint8Array>;
  /** What the master has in the place of damage. */
  onRun(position: number, run: Uint8Array): void;
  /** The log flows. */
  onFollowing(master: ReplicaFacts): void;
  /**
   * The log is to be opened again, ending at `begin` of the master's facts, before anything is taken.
   * `state`: for a log that begins there.
   */
  onCut(master: ReplicaFacts, state: Uint8Array | null): void;
}

/** A slave says what it has at least so often, ms. */
const BEAT_MS = 500;
/** A master that says nothing for so long, though it beats several times a second, is gone. */
const SILENCE_MS = 10_000;
/** The state of a master: far above what its limits allow. */
const MAX_STATE_BYTES = 1024 ** 3;

type Stage = 'challenge' | 'proof' | 'welcome' | 'state' | 'log' | 'over';

export class FollowerSession {
  readonly #deps: FollowerSessionDeps;
  readonly #nonce = new Uint8Array(randomBytes(NONCE_BYTES));
  #masterNonce = new Uint8Array(0);
  readonly #talk: RepairTalk;
  #stage: Stage = 'challenge';
  /** The secret that both have shown. */
  #proved: Uint8Array = new Uint8Array(0);
  #master: ReplicaFacts | null = null;
  #statePieces: Uint8Array[] = [];
  #stateBytes = 0;
  #follower: Follower | null = null;
  #isPaused = false;
  #heardAt: number;
  #isResting = false;
  #ackedWritten = -1;
  #ackedFlushed = -1;
  #ackedAt = Number.NEGATIVE_INFINITY;
  #wantsSync = false;
  #handOvers = 0;
  /** The number of the one that the master has not answered. */
  #handOver: number | null = null;

  constructor(deps: FollowerSessionDeps) {
    this.#deps = deps;
    this.#heardAt = deps.now();
    this.#talk = new RepairTalk({
      send: (frame) => deps.link.send(frame),
      answer: (position, bytes) => deps.readSound(position, bytes),
      onRun: (position, run) => deps.onRun(position, run),
      bufferedBytes: () => deps.link.bufferedBytes,
      maxBytes: Math.max(LOG_FRAME_BYTES, deps.log.spanBytes),
    });
  }

  get isFollowing(): boolean {
    return this.#stage === 'log';
  }

  /** Whether what was proved is one of these; nothing was proved yet: it will be. */
  isProvedBy(secrets: readonly Uint8Array[]): boolean {
    return (
      this.#stage === 'challenge' || secrets.some((secret) => Buffer.compare(secret, this.#proved) === 0)
    );
  }

  /** Bytes that this log lacks, as of the master's last frame. */
  get behind(): number {
    return this.#follower?.behind ?? 0;
  }

  /**
   * The master has said nothing for so long that it is gone. What is not read on purpose, as it is more than
   * is fetched in a while, says nothing of it.
   */
  get isSilent(): boolean {
    return !this.#isPaused && this.#deps.now() - this.#heardAt > SILENCE_MS;
  }

  begin(): void {
    this.#deps.link.send(
      makeFrame(REPLICA_OPCODE.nonce, 0, { value: REPLICA_VERSION, payload: this.#nonce }),
    );
  }

  /**
   * A frame. Of a log frame the memory is to stay while the link is paused.
   * @throws RingMQError for what the master should not have sent, and for what it said that is wrong
   */
  onFrame(frame: Uint8Array): void {
    this.#heardAt = this.#deps.now();
    const maxLogBytes = LOG_FRAME_HEADER_BYTES + Math.max(LOG_FRAME_BYTES, this.#master?.spanBytes ?? 0);
    const fault = replicaFrameFault(frame, maxLogBytes);
    if (fault !== null) {
      throw bad(fault);
    }
    const opcode = frame[FRAME.opcode];
    if (opcode === REPLICA_OPCODE.error) {
      throw new RingMQError(errorCodeOfWire(frameId(frame)), replicaErrorText(frame));
    }
    if (opcode === REPLICA_OPCODE.challenge && this.#stage === 'challenge') {
      this.#onChallenge(frame);
    } else if (opcode === REPLICA_OPCODE.proof && this.#stage === 'proof') {
      this.#onProof(frame);
    } else if (opcode === REPLICA_OPCODE.welcome && this.#stage === 'welcome') {
      this.#onWelcome(frame);
    } else if (opcode === REPLICA_OPCODE.state && this.#stage === 'state') {
      this.#onState(frame);
    } else if (opcode === REPLICA_OPCODE.log && this.#stage === 'log') {
      this.#onLog(frame);
    } else if ((opcode === REPLICA_OPCODE.ask || opcode === REPLICA_OPCODE.bytes) && this.#stage === 'log') {
      const fault = this.#talk.onFrame(frame);
      if (fault !== null) {
        throw bad(fault);
      }
    } else if (opcode === REPLICA_OPCODE.taken && this.#handOver === frameId(frame)) {
      this.#handOver = null;
      const isLater = (frameFlags(frame) & REPLICA_FLAG_LATER) !== 0;
      this.#deps.onTaken(isLater ? null : frameValue(frame));
    } else if (this.#stage !== 'over') {
      throw bad(`a frame of opcode ${opcode} does not belong here`);
    }
  }

  /** The thread has made a turn: there may be room, watermarks have moved. @throws RingMQError for what the master sent */
  onTurn(): void {
    if (this.#stage !== 'log') {
      return;
    }
    const fault = this.#follower?.step() ?? null;
    if (fault !== null) {
      throw bad(fault);
    }
    if (this.#wantsSync) {
      this.#deps.log.wantSync();
    }
    this.#flow();
    this.#ack();
  }

  /** Asks the master for what is damaged here. False: not over this connection, or not before it has answered the last question. */
  ask(position: number, bytes: number): boolean {
    return this.#stage === 'log' && this.#talk.ask(position, bytes);
  }

  /** The connection is gone. */
  close(): void {
    this.#talk.close();
  }

  /** Offsets that were committed here, for the master. False: not over this connection, or not before it has answered the last ones. */
  handOver(offsets: Uint8Array): boolean {
    if (this.#stage !== 'log' || this.#handOver !== null) {
      return false;
    }
    this.#handOver = ++this.#handOvers;
    this.#deps.link.send(makeFrame(REPLICA_OPCODE.offsets, this.#handOver, { payload: offsets }));
    return true;
  }

  #onChallenge(frame: Uint8Array): void {
    const { link } = this.#deps;
    const [first = new Uint8Array(0)] = this.#deps.secrets();
    this.#proved = first;
    this.#masterNonce = frame.slice(FRAME_HEADER_BYTES);
    this.#stage = 'proof';
    const payload = proofOf(first, 'slave', this.#nonce, this.#masterNonce);
    link.send(makeFrame(REPLICA_OPCODE.proof, 0, { payload }));
  }

  #onProof(frame: Uint8Array): void {
    const { link, facts } = this.#deps;
    const wanted = proofOf(this.#proved, 'master', this.#nonce, this.#masterNonce);
    if (!isProof(frame.slice(FRAME_HEADER_BYTES), wanted)) {
      throw new RingMQError('NOT_AUTHENTICATED', 'the master does not know the secret');
    }
    this.#stage = 'welcome';
    link.send(encodeFacts(REPLICA_OPCODE.hello, facts));
  }

  #onWelcome(frame: Uint8Array): void {
    const master = decodeFacts(frame);
    if (master === null || master.spanBytes === 0) {
      throw bad('the welcome does not hold together');
    }
    if (master.epoch < this.#deps.facts.epoch) {
      throw new RingMQError(
        'NOT_MASTER',
        `its epoch is ${master.epoch}, this log knows ${this.#deps.facts.epoch}`,
      );
    }
    this.#master = master;
    if ((master.flags & FACT_FLAG.hasState) !== 0) {
      this.#stage = 'state';
    } else {
      this.#begin(null);
    }
  }

  #onState(frame: Uint8Array): void {
    const piece = frame.slice(FRAME_HEADER_BYTES);
    const total = frameValue(frame);
    this.#stateBytes += piece.length;
    if (total > MAX_STATE_BYTES || this.#stateBytes > total) {
      throw bad('the state is larger than it may be');
    }
    this.#statePieces.push(piece);
    if ((frameFlags(frame) & REPLICA_FLAG_LAST) === 0) {
      return;
    }
    if (this.#stateBytes !== total) {
      throw bad('the state is cut short');
    }
    this.#begin(new Uint8Array(Buffer.concat(this.#statePieces)));
    this.#statePieces = [];
  }

  #begin(state: Uint8Array | null): void {
    const { link, log } = this.#deps;
    const master = this.#master as ReplicaFacts;
    if (state !== null || master.begin !== log.end) {
      this.#stage = 'over';
      this.#deps.onCut(master, state);
      return;
    }
    this.#stage = 'log';
    this.#wantsSync =
      (master.flags & (FACT_FLAG.syncFlush | FACT_FLAG.syncReplication)) ===
      (FACT_FLAG.syncFlush | FACT_FLAG.syncReplication);
    this.#follower = new Follower(log, log.end, log.epoch, master.end);
    link.send(makeFrame(REPLICA_OPCODE.start, 0, { value: master.begin }));
    this.#deps.onFollowing(master);
    this.#ack();
  }

  #onLog(frame: Uint8Array): void {
    const follower = this.#follower as Follower;
    follower.take(frame);
    const isOld = (frameFlags(frame) & REPLICA_FLAG_OLD) !== 0;
    const { catchUpRateBytes } = this.#deps;
    if (isOld && catchUpRateBytes > 0) {
      this.#isResting = true;
      this.#deps.later(
        () => {
          this.#isResting = false;
          this.#flow();
        },
        (frame.length * 1000) / catchUpRateBytes,
      );
    }
    const fault = follower.step();
    if (fault !== null) {
      throw bad(fault);
    }
    this.#flow();
  }

  /** Reads on only when what came has found its place. */
  #flow(): void {
    const isHeld = this.#isResting || this.#follower?.isBusy === true;
    if (isHeld !== this.#isPaused) {
      this.#isPaused = isHeld;
      if (isHeld) {
        this.#deps.link.pause();
      } else {
        this.#heardAt = this.#deps.now();
        this.#deps.link.resume();
      }
    }
  }

  #ack(): void {
    const { log, link } = this.#deps;
    // In this order: both move on while they are read, and what is on the disk is written.
    const { flushed } = log;
    const { written } = log;
    const now = this.#deps.now();
    const isNews = written !== this.#ackedWritten || flushed !== this.#ackedFlushed;
    if (isNews || now - this.#ackedAt >= BEAT_MS) {
      this.#ackedWritten = written;
      this.#ackedFlushed = flushed;
      this.#ackedAt = now;
      link.send(ackFrame(written, flushed));
    }
  }
}

function bad(why: string): RingMQError {
  return new RingMQError('BAD_FRAME', why);
}
