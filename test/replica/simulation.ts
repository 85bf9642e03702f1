/**
 * Replication on one thread under a seeded scheduler: a master and two slaves, their sessions, stages and
 * rows as they are, over simulated logs, links and a clock. Connections are cut anywhere, made twice, and
 * broken by bytes that nobody sent; nodes are killed and lose what was not written; masters change.
 */
import type { ReplicaDesk } from '../../engine/replica/replica-desk.js';
import { REPLICAS_BYTES } from '../../engine/term/replica-layout.js';
import { type ReplicaLevel, ReplicaMarks } from '../../engine/term/replica-marks.js';
import { type Random, randomOf, SimMaster, SPAN_BYTES } from './sim-log.js';
import { MasterSessions } from './sim-sessions.js';
import { batchEnd, garble, SimSlave, Wire } from './sim-slave.js';
import { simDesk } from './sim-stage.js';

const REQUIRED = 1;

/** What one schedule did, and what was wrong. */
export interface Outcome {
  readonly steps: number;
  readonly acked: number;
  readonly problem: string | null;
}

export class Simulation {
  readonly #random: Random;
  readonly #slaves: SimSlave[];
  #master: SimMaster;
  #marks = new ReplicaMarks(new SharedArrayBuffer(REPLICAS_BYTES));
  #desk: ReplicaDesk;
  readonly #sessions: MasterSessions;
  readonly #waiting: (() => void)[] = [];
  #now = 1_000;
  /** Up to where sends were acked, and what the log has there for good. */
  #acked = 0;
  #problem: string | null = null;
  /** The watermark that was looked at last. */
  #marked = 0;
  /** Acked is what slaves have on disk, and then they lose power; or in their page cache, and then they are killed. */
  readonly #level: ReplicaLevel;

  constructor(seed: number) {
    this.#random = randomOf(seed);
    this.#level = this.#random(2) === 0 ? 'received' : 'flushed';
    // A ring of a size of its own: what it has lost comes from files.
    this.#master = new SimMaster(this.#random, SPAN_BYTES * (2 << this.#random(3)));
    this.#master.open(1, 1);
    this.#slaves = ['one', 'two'].map((name) => new SimSlave(name, this.#random));
    this.#desk = this.#makeDesk();
    this.#sessions = new MasterSessions({
      random: this.#random,
      later: (run) => this.#waiting.push(run),
      now: () => this.#now,
      committed: () => this.#committed(),
      master: () => this.#master,
      marks: () => this.#marks,
      desk: () => this.#desk,
      fail: (problem) => {
        this.#problem = problem;
      },
    });
  }

  async run(steps: number): Promise<Outcome> {
    let step = 0;
    for (; step < steps && this.#problem === null; step++) {
      this.#now += this.#random(50);
      await this.#step();
      this.#committed();
    }
    await this.#settle();
    // A session's timer would hold this schedule's logs for as long as it has yet to run.
    this.#sessions.end();
    return { steps: step, acked: this.#acked, problem: this.#problem };
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const slave = this.#slaves[random(2)] as SimSlave;
    const master = this.#master;
    switch (random(24)) {
      case 0:
      case 1:
      case 2:
      case 3:
        master.append();
        break;
      case 4:
        master.persist(random);
        break;
      case 5:
      case 6:
        slave.persist(random);
        break;
      case 7:
        this.#connect(slave);
        break;
      case 8:
        if (random(4) === 0) {
          this.#cut(slave.wire);
        }
        break;
      case 9:
        if (random(6) === 0) {
          garble(this.#random, slave.wire);
        }
        break;
      case 10:
        if (random(12) === 0) {
          this.#cut(slave.wire);
          slave.die(this.#level === 'flushed');
        }
        break;
      case 11:
        if (random(40) === 0) {
          this.#masterDies();
        }
        break;
      case 12:
        if (random(40) === 0) {
          this.#promote();
        }
        break;
      case 13:
        this.#waiting.splice(random(this.#waiting.length + 1), 1)[0]?.();
        break;
      case 14:
        if (random(30) === 0) {
          this.#retain();
        }
        break;
      default:
        await this.#turn(slave);
    }
  }

  /** A slave may connect while its older connection still stands. */
  #connect(slave: SimSlave): void {
    if (slave.cut !== null) {
      slave.reopen();
    }
    if (slave.session !== null && !(slave.wire?.isCut ?? true) && this.#random(8) > 0) {
      return;
    }
    if (slave.apply !== null) {
      return;
    }
    const wire = new Wire();
    slave.connect(
      wire,
      () => this.#now,
      (run) => this.#waiting.push(run),
    );
    this.#sessions.open(wire);
  }

  #makeDesk(): ReplicaDesk {
    this.#marks = new ReplicaMarks(new SharedArrayBuffer(REPLICAS_BYTES));
    this.#marked = 0;
    this.#marks.setUp({ replication: 'sync', minInSync: REQUIRED, onMissingSlave: 'refuse' }, 0);
    return simDesk(
      this.#marks,
      () => this.#master,
      () => this.#now,
      (problem) => {
        this.#problem = problem;
      },
    );
  }

  #committed(): number {
    const { written, flushed } = this.#master;
    const mark =
      this.#marks.watermark(this.#level, (this.#level === 'received' ? written : flushed) / 64) * 64;
    // Looked at when it is said: a slave may lose what it had a moment later.
    this.#check(mark);
    return mark;
  }

  /** Some of what is under way arrives; both sides take a turn. */
  async #turn(slave: SimSlave): Promise<void> {
    slave.apply?.();
    slave.apply = null;
    this.#sessions.turn();
    await pause();
    this.#slaveTurn(slave);
  }

  #slaveTurn(slave: SimSlave): void {
    const { wire, session } = slave;
    if (wire === null || session === null || wire.isCut) {
      return;
    }
    try {
      for (let i = this.#random(4); i > 0 && wire.toSlave.length > 0 && !wire.isPaused; i--) {
        session.onFrame(wire.toSlave.shift() as Uint8Array);
      }
      session.onTurn();
    } catch {
      // Whatever it is, it ends this connection and nothing else.
      wire.isCut = true;
    }
  }

  #cut(wire: Wire | null): void {
    if (wire !== null) {
      wire.isCut = true;
    }
  }

  /** Killed and started again: what was not written is gone, and a new term begins. */
  #masterDies(): void {
    const master = this.#master;
    this.#sessions.end();
    const epoch = master.epoch;
    // Its pages are in the cache; what it had only in the ring is not. What is written ends with a batch.
    master.cutTo(batchEnd(master, master.written));
    master.open(epoch + 1, this.#now);
    this.#desk = this.#makeDesk();
  }

  /**
   * The master and its disk are gone; the slave whose log goes furthest takes over, and all are looked at: an
   * ack waited for one of them, and that may be one that is not in sync just now. The other one, and the
   * next, follow it.
   */
  #promote(): void {
    // One disk may be lost, and the next when enough slaves have what it held.
    const isRepaired = batchEnd(this.#master, this.#marked) >= this.#acked;
    if (!isRepaired || this.#slaves.some(({ apply, cut }) => apply !== null || cut !== null)) {
      return;
    }
    const furthest = [...this.#slaves].sort(
      (a, b) => this.#lastTerm(b) - this.#lastTerm(a) || this.#has(b) - this.#has(a),
    )[0];
    if (furthest === undefined || furthest.isNew) {
      return;
    }
    this.#sessions.end();
    furthest.die(this.#level === 'flushed');
    const lost = furthest.end < this.#acked;
    if (lost) {
      this.#problem = `acked up to ${this.#acked}, and ${furthest.name} has it up to ${furthest.end}`;
      return;
    }
    const next = SimMaster.of(furthest, this.#random, this.#master.ring.length);
    next.open(this.#master.epoch + 1, this.#now);
    this.#master = next;
    this.#desk = this.#makeDesk();
    // Its disk is another's now: it begins as a new slave, with whatever it is called.
    const at = this.#slaves.indexOf(furthest);
    this.#slaves[at] = new SimSlave(furthest.name, this.#random);
  }

  /** The oldest of the log goes. */
  #retain(): void {
    const master = this.#master;
    const border = Math.floor(master.written / SPAN_BYTES) * SPAN_BYTES;
    if (border > master.start) {
      master.start = border;
    }
  }

  /** Whatever is acked is in the page cache of enough slaves, told apart by name. */
  #check(mark: number): void {
    if (mark === this.#marked) {
      return;
    }
    this.#marked = mark;
    // A batch is acked as a whole.
    const committed = batchEnd(this.#master, mark);
    if (committed <= this.#acked) {
      return;
    }
    this.#acked = committed;
    const having = this.#slaves.filter((slave) => this.#has(slave) >= committed);
    if (having.length < REQUIRED) {
      const places = this.#slaves.map((slave) => `${slave.name} ${this.#has(slave)}`).join(', ');
      this.#problem = `acked up to ${committed}, and slaves have ${places}`;
    }
  }

  /** Of what it keeps when it ends now. */
  #lastTerm(slave: SimSlave): number {
    return slave.epochs.findLast(({ position }) => position < this.#has(slave))?.epoch ?? 0;
  }

  #has({ written, flushed }: SimSlave): number {
    return this.#level === 'received' ? written : flushed;
  }

  /** All links heal: then the logs are the same, byte for byte, as far as each reaches back. */
  async #settle(): Promise<void> {
    for (let round = 0; round < 3_000 && this.#problem === null; round++) {
      this.#now += 20;
      for (const run of this.#waiting.splice(0)) {
        run();
      }
      for (const slave of this.#slaves) {
        if (slave.wire === null || slave.wire.isCut || slave.cut !== null) {
          slave.apply?.();
          slave.apply = null;
          this.#connect(slave);
        }
        await this.#turn(slave);
        slave.written = slave.end;
        slave.flushed = slave.end;
      }
      if (this.#slaves.every((slave) => this.#isSame(slave))) {
        return;
      }
    }
    this.#problem ??= `the logs are not the same: ${this.#slaves.map(({ name, start, end }) => `${name} ${start}–${end}`).join(', ')}, master ${this.#master.start}–${this.#master.end}`;
  }

  #isSame(slave: SimSlave): boolean {
    const { end, bytes } = this.#master;
    const from = Math.max(slave.start, this.#master.first);
    return (
      slave.end === end &&
      slave.wire?.isCut === false &&
      Buffer.compare(slave.bytes.subarray(from, end), bytes.subarray(from, end)) === 0
    );
  }
}

/** Lets what was promised come about. */
async function pause(): Promise<void> {
  for (let i = 0; i < 6; i++) {
    await Promise.resolve();
  }
}
