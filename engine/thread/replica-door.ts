/** A master's side of replication on one thread: the connections of slaves that this thread's listener has accepted. */

import {
  clearInterval,
  clearTimeout,
  monotonicMs,
  setInterval,
  setTimeout,
} from '../../native-free/time/index.js';
import { LOG_FRAME_BYTES, type ReplicaFacts } from '../../native-free/wire/index.js';
import type { ControlPort } from '../control/channel-messages.js';
import type { EngineInfo, ReplicaDoor, ReplicaFeed, ReplicaGreeting, ReplicaLink } from '../engine-thread.js';
import type { Lane } from '../lane/lane.js';
import type { LogReader } from '../log/index.js';
import { AnswerWatch } from '../replica/answer-watch.js';
import type { InSyncLimits } from '../replica/in-sync.js';
import type { RepairRange } from '../replica/repair-run.js';
import { RepairTalk } from '../replica/repair-talk.js';
import { ReplicaRow } from '../replica/replica-row.js';
import { BEAT_MS, NEWS_MS, type ReplicateRing, ReplicateStage } from '../replica/replicate-stage.js';
import { REPLICAS_WORD } from '../term/replica-layout.js';
import type { ReplicaMarks } from '../term/replica-marks.js';
import { ROLE } from '../term/shared-words.js';
import type { Term } from '../term/term.js';
import { AsyncLogFiles } from './async-log-files.js';
import { PacedFiles } from './paced-files.js';
import type { TurnWork } from './turn-work.js';

export interface ReplicaHost {
  readonly info: EngineInfo;
  readonly log: Lane;
  readonly logReader: LogReader;
  readonly logDir: string;
  readonly segmentBytes: number;
  readonly marks: ReplicaMarks;
  readonly term: Term;
  readonly limits: InSyncLimits;
  readonly readsAtSlaves: boolean;
  /** Has the thread do this in each turn from now on; returns the way to end it. */
  addWork(work: TurnWork): () => void;
  /** Another turn is wanted. */
  schedule(): void;
  /** What slaves have has changed: whoever waits for it is to look. */
  wakeOthers(): void;
}

/** Proof and greeting as the thread that opened the broker takes them. */
export interface ProveParams {
  slaveNonce: Uint8Array;
  masterNonce: Uint8Array;
  proof: Uint8Array;
  remote: string;
}

export class ThreadReplicas implements ReplicaDoor {
  readonly #host: ReplicaHost;
  readonly #port: ControlPort;

  constructor(host: ReplicaHost, port: ControlPort) {
    this.#host = host;
    this.#port = port;
  }

  async prove(
    slaveNonce: Uint8Array,
    masterNonce: Uint8Array,
    proof: Uint8Array,
    remote: string,
  ): Promise<Uint8Array | null> {
    const params: ProveParams = { slaveNonce, masterNonce, proof, remote };
    return (await this.#port.callInternal('replicaProve', params)) as Uint8Array | null;
  }

  async greet(slave: ReplicaFacts): Promise<ReplicaGreeting> {
    return (await this.#port.callInternal('replicaGreet', slave)) as ReplicaGreeting;
  }

  async takeOver(row: number, offsets: Uint8Array): Promise<number> {
    return (await this.#port.callInternal('replicaOffsets', { row, offsets })) as number;
  }

  get mayRead(): boolean {
    const { readsAtSlaves, marks, term } = this.#host;
    return readsAtSlaves && term.role === ROLE.master && marks.inSyncCount() > 0;
  }

  async holders(position: number): Promise<string[]> {
    return (await this.#port.callInternal('replicaHolders', position)) as string[];
  }

  feed(greeting: ReplicaGreeting, position: number, link: ReplicaLink): ReplicaFeed {
    return new Feed(this.#host, this.#port, greeting, position, link);
  }
}

/** Damage that is to be repaired from the slave of that row, which has the log up to `received`. */
export interface RepairWanted {
  row: number;
  received: number;
}

/** The log was read for the slave of that row, and there is no whole batch at that place. */
export interface LogDamage {
  row: number;
  position: number;
}

/** What a slave has in the place of damage. */
export interface RepairFound {
  row: number;
  position: number;
  run: Uint8Array;
}

class Feed implements ReplicaFeed, TurnWork {
  readonly #host: ReplicaHost;
  readonly #stage: ReplicateStage;
  readonly #row: ReplicaRow;
  readonly #link: ReplicaLink;
  readonly #port: ControlPort;
  readonly #talk: RepairTalk;
  readonly #rowNumber: number;
  #received = 0;
  /** Null: nobody waits for a slave's word alone. */
  readonly #watch: AnswerWatch | null;
  #isAsking = false;
  readonly #files: AsyncLogFiles;
  readonly #endWork: () => void;
  readonly #timer: NodeJS.Timeout;
  /** For news that nothing else brings. */
  #newsTimer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(
    host: ReplicaHost,
    port: ControlPort,
    greeting: ReplicaGreeting,
    position: number,
    link: ReplicaLink,
  ) {
    const { ring, reader } = host.log;
    this.#host = host;
    this.#link = link;
    this.#port = port;
    this.#rowNumber = greeting.row;
    // Where the disk is waited for as well, a slave's answer is never near.
    this.#watch = host.marks.isSync && host.info.flush === 'async' ? new AnswerWatch() : null;
    this.#row = new ReplicaRow(host.marks, greeting.row, greeting.link, host.limits, (bytes) =>
      ring.toSlots(bytes),
    );
    this.#files = new AsyncLogFiles(host.logDir, host.segmentBytes, host.logReader);
    this.#talk = new RepairTalk({
      send: (frame) => link.send(frame),
      answer: (at, bytes) => this.#files.readSound(at, bytes, ring.spanBytes),
      onRun: (at, run) => this.#found(at, run),
      bufferedBytes: () => link.bufferedBytes,
      maxBytes: Math.max(LOG_FRAME_BYTES, ring.spanBytes),
    });
    const view: ReplicateRing = {
      bytes: ring.bytes,
      ringBytes: ring.ringBytes,
      spanBytes: ring.spanBytes,
      end: () => ring.toBytes(ring.indexed()),
      pin: (at) => reader.pinBytes(at),
      unpin: () => reader.unpin(),
    };
    this.#stage = new ReplicateStage(
      {
        ring: view,
        files: new PacedFiles(this.#files, {
          end: () => view.end(),
          now: monotonicMs,
          rest: (ms) =>
            new Promise((resolve) => {
              setTimeout(resolve, ms);
            }),
        }),
        link: {
          get bufferedBytes() {
            return link.bufferedBytes;
          },
          send: (frame) => link.send(frame),
          fail: (why) => link.fail('LOG_CORRUPT', why),
        },
        committed: () => ring.toBytes(host.log.committed()),
        now: monotonicMs,
        onDamage: (at) => this.#damaged(at),
        onHeard: (received, flushed) => this.#heard(received, flushed),
      },
      position,
    );
    this.#stage.onReadable = () => host.schedule();
    this.#endWork = host.addWork(this);
    this.#timer = setInterval(() => this.#tick(), BEAT_MS / 2);
    this.#timer.unref();
    host.schedule();
  }

  onAck(received: number, flushed: number): string | null {
    return this.#stage.onAck(received, flushed);
  }

  onRepair(frame: Uint8Array): string | null {
    return this.#talk.onFrame(frame);
  }

  onDrain(): void {
    this.#host.schedule();
  }

  beforeDisk(): void {
    this.#step();
  }

  afterDisk(): void {
    this.#step();
  }

  #step(): void {
    const { position } = this.#stage;
    const hasMore = this.#stage.step();
    if (this.#stage.position > position) {
      this.#watch?.sent(this.#stage.position, monotonicMs());
    }
    if (hasMore || this.#watch?.isNear(monotonicMs()) === true) {
      this.#host.schedule();
    } else if (this.#stage.owesNews && this.#newsTimer === null && !this.#isClosed) {
      this.#newsTimer = setTimeout(() => {
        this.#newsTimer = null;
        this.#host.schedule();
      }, NEWS_MS);
      this.#newsTimer.unref();
    }
  }

  close(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    clearInterval(this.#timer);
    if (this.#newsTimer !== null) {
      clearTimeout(this.#newsTimer);
    }
    this.#endWork();
    this.#stage.close();
    this.#talk.close();
    this.#row.gone();
    this.#host.wakeOthers();
    void this.#files.close();
  }

  #heard(received: number, flushed: number): void {
    this.#received = received;
    this.#watch?.heard(received, monotonicMs());
    const { ring } = this.#host.log;
    if (this.#row.heard(received, flushed, ring.toBytes(ring.indexed()), monotonicMs())) {
      this.#host.wakeOthers();
      this.#host.schedule();
    }
  }

  #tick(): void {
    const { ring } = this.#host.log;
    if (this.#row.isReplaced) {
      this.#link.fail('CLOSED', 'this slave has connected again, by another connection');
      return;
    }
    if (this.#row.tick(ring.toBytes(ring.indexed()), monotonicMs())) {
      this.#host.wakeOthers();
    }
    this.#host.schedule();
    if (
      Atomics.load(this.#host.marks.words, REPLICAS_WORD.damaged) > 0 &&
      !this.#isAsking &&
      !this.#talk.isAsking
    ) {
      this.#isAsking = true;
      this.#ask()
        .catch(() => undefined)
        .finally(() => {
          this.#isAsking = false;
        });
    }
  }

  /** The opener says what is to be repaired; this slave may have it. */
  async #ask(): Promise<void> {
    const wanted: RepairWanted = { row: this.#rowNumber, received: this.#received };
    const range = (await this.#port.callInternal('repairWanted', wanted)) as RepairRange | null;
    if (range !== null && !this.#isClosed) {
      this.#talk.ask(range.position, range.bytes);
    }
  }

  #damaged(position: number): void {
    const damage: LogDamage = { row: this.#rowNumber, position };
    this.#port.callInternal('logDamage', damage).catch(() => undefined);
  }

  #found(position: number, run: Uint8Array): void {
    const found: RepairFound = { row: this.#rowNumber, position, run };
    this.#port.callInternal('repairFound', found).catch(() => undefined);
  }
}
