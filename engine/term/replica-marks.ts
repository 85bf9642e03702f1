/**
 * What a broker's replicas have, as any of its threads reads it: the watermarks that acks and deliveries wait
 * for under sync replication. Eight compares, made only where replication is sync.
 */
import {
  ALL_ROWS,
  MAX_REPLICAS,
  ON_MISSING,
  REPLICA_WORD,
  REPLICAS_WORD,
  replicaRow,
  ruleOf,
} from './replica-layout.js';

export type ReplicaLevel = 'received' | 'flushed';

export class ReplicaMarks {
  readonly words: Int32Array;
  readonly #found = new Int32Array(MAX_REPLICAS);

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
  }

  /**
   * Once, by the thread that opens the broker, before any other knows of it. `floor`: in slots, what is known
   * to be committed; not all that is there.
   */
  setUp(
    options: {
      replication: 'sync' | 'async';
      minInSync: number;
      onMissingSlave: 'refuse' | 'degrade';
      controller?: string | undefined;
    },
    floor: number,
  ): void {
    const isLed = options.controller !== undefined;
    const degrade = isLed ? ON_MISSING.degradeByRule : ON_MISSING.degrade;
    this.words[REPLICAS_WORD.mode] = options.replication === 'sync' ? 1 : 0;
    this.words[REPLICAS_WORD.rule] = ruleOf(isLed ? 0 : ALL_ROWS, options.minInSync);
    this.words[REPLICAS_WORD.degrade] = options.onMissingSlave === 'degrade' ? degrade : ON_MISSING.refuse;
    this.words[REPLICAS_WORD.committed] = floor;
    this.beginAt(floor);
  }

  /** What enough slaves have received, and have on disk, begins here, in slots: before any thread waits for more. */
  beginAt(floor: number): void {
    Atomics.store(this.words, REPLICAS_WORD.receivedBy, floor);
    Atomics.store(this.words, REPLICAS_WORD.flushedBy, floor);
  }

  /**
   * The opener: what lies below `end`, in slots, is enough where this broker alone has it, as written or as on the disk as is wanted: it was
   * the slave that acks waited for.
   */
  inherit(end: number): void {
    Atomics.store(this.words, REPLICAS_WORD.inherited, end);
    Atomics.store(this.words, REPLICAS_WORD.inherits, 1);
    this.changed();
  }

  /**
   * The opener of a master, now and then: the marks move on where nobody waits for one of them, too, and what was inherited
   * is forgotten once they are past it. Neither could be compared any more after 128 GiB of log.
   */
  keepUp(written: number, flushed: number): void {
    if (!this.isSync) {
      return;
    }
    const inherited = Atomics.load(this.words, REPLICAS_WORD.inherited);
    const marks = [this.watermark('received', written), this.watermark('flushed', flushed)];
    if (marks.every((mark) => ((mark - inherited) | 0) >= 0)) {
      Atomics.store(this.words, REPLICAS_WORD.inherits, 0);
    }
  }

  /** Sends wait for slaves. */
  get isSync(): boolean {
    return this.words[REPLICAS_WORD.mode] === 1;
  }

  /** The opener, for a controller: acks count the slaves of these rows only (a bit each), and wait for so many of them. */
  setRule(rows: number, required: number): void {
    Atomics.store(this.words, REPLICAS_WORD.rule, ruleOf(rows, required));
    this.changed();
  }

  /** What acks that have gone out waited for, in slots: no place in the log beyond it was acked. */
  get reached(): number {
    return later(
      Atomics.load(this.words, REPLICAS_WORD.receivedBy),
      Atomics.load(this.words, REPLICAS_WORD.flushedBy),
    );
  }

  /** Another one whenever something has changed. */
  get version(): number {
    return Atomics.load(this.words, REPLICAS_WORD.version);
  }

  /** Whoever has changed something says so, before it wakes who waits for that. */
  changed(): void {
    Atomics.add(this.words, REPLICAS_WORD.version, 1);
  }

  /** On a slave: the state has all that the control batches in this log say. */
  get controlIsApplied(): boolean {
    const seen = Atomics.load(this.words, REPLICAS_WORD.controlSeen);
    return seen === Atomics.load(this.words, REPLICAS_WORD.controlApplied);
  }

  /** On a slave: `mark`, or what its master has committed where that is less. */
  committedBelow(mark: number): number {
    return earlier(mark, Atomics.load(this.words, REPLICAS_WORD.committed));
  }

  /** Slaves that count now. */
  inSyncCount(): number {
    return this.#countOf(Atomics.load(this.words, REPLICAS_WORD.rule));
  }

  /** The slave of this row is near enough to its master to be counted. */
  isNear(row: number): boolean {
    return Atomics.load(this.words, replicaRow(row) + REPLICA_WORD.inSync) === 1;
  }

  /** It is, and the rule has it. */
  counts(row: number): boolean {
    return this.isNear(row) && ((Atomics.load(this.words, REPLICAS_WORD.rule) >>> row) & 1) === 1;
  }

  #countOf(rule: number): number {
    let count = 0;
    for (let row = 0; row < MAX_REPLICAS; row++) {
      count += Atomics.load(this.words, replicaRow(row) + REPLICA_WORD.inSync) & (rule >>> row);
    }
    return count;
  }

  /** Sends are refused now: too few slaves are in sync, and that is not to be put up with. */
  refuses(): boolean {
    const rule = Atomics.load(this.words, REPLICAS_WORD.rule);
    return this.words[REPLICAS_WORD.degrade] === ON_MISSING.refuse && this.#countOf(rule) < rule >>> 8;
  }

  /** In-sync slaves that have the log up to `end`. */
  countAt(level: ReplicaLevel, end: number): number {
    let count = 0;
    for (let row = 0; row < MAX_REPLICAS; row++) {
      const at = replicaRow(row);
      if (
        Atomics.load(this.words, at + REPLICA_WORD.inSync) === 1 &&
        ((Atomics.load(this.words, at + REPLICA_WORD[level]) - end) | 0) >= 0
      ) {
        count++;
      }
    }
    return count;
  }

  /**
   * The earlier of `local` and what enough slaves have, and never less than any thread was told before: with
   * too few slaves in sync the watermark stays where it was.
   */
  watermark(level: ReplicaLevel, local: number): number {
    const mark = level === 'received' ? REPLICAS_WORD.receivedBy : REPLICAS_WORD.flushedBy;
    let last = Atomics.load(this.words, mark);
    const rule = Atomics.load(this.words, REPLICAS_WORD.rule);
    const found = this.#found;
    let count = 0;
    for (let row = 0; row < MAX_REPLICAS; row++) {
      const at = replicaRow(row);
      if (((rule >>> row) & 1) === 0 || Atomics.load(this.words, at + REPLICA_WORD.inSync) !== 1) {
        continue;
      }
      // Kept in falling order: an insertion into eight places at most.
      const has = Atomics.load(this.words, at + REPLICA_WORD[level]);
      let i = count++;
      for (; i > 0 && (((found[i - 1] as number) - has) | 0) < 0; i--) {
        found[i] = found[i - 1] as number;
      }
      found[i] = has;
    }
    const isEnough = this.words[REPLICAS_WORD.degrade] === ON_MISSING.degrade;
    const wanted = isEnough ? Math.min(rule >>> 8, count) : rule >>> 8;
    let reached = last;
    if (wanted <= count) {
      reached = wanted === 0 ? local : earlier(local, found[wanted - 1] as number);
    }
    if (Atomics.load(this.words, REPLICAS_WORD.inherits) === 1) {
      reached = later(reached, earlier(local, Atomics.load(this.words, REPLICAS_WORD.inherited)));
    }
    // A slave that took another's place may be behind it; what was committed stays so.
    while (((reached - last) | 0) > 0) {
      const seen = Atomics.compareExchange(this.words, mark, last, reached);
      if (seen === last) {
        return reached;
      }
      last = seen;
    }
    return last;
  }
}

function later(a: number, b: number): number {
  return ((a - b) | 0) >= 0 ? a : b;
}

function earlier(a: number, b: number): number {
  return ((a - b) | 0) <= 0 ? a : b;
}
