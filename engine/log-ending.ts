/**
 * What ends an open broker's log before it is closed: a disk that failed, a thread that died, a directory, or a part of it, that is not this
 * broker's any more. It is told once.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ERRORS, RingMQError } from '../native-free/wire/index.js';
import { checkInPlace, ESTALE, identityOf, isStale, whyLost } from './disk/index.js';
import type { BrokerHandle } from './handle.js';
import { NODE_FILE } from './meta/index.js';
import { Ring, SeatTable, WORD, wake } from './ring/index.js';

export class LogEnding {
  readonly #handle: BrokerHandle;
  readonly #seats: SeatTable;
  readonly #control: Int32Array;
  readonly #nodePath: string;
  #nodeIdentity: string;
  readonly #tell: (error: RingMQError) => void;
  #hasFailed = false;

  /** For a directory that is open. `tell` is called once at most. Throws disk errors. */
  constructor(handle: BrokerHandle, tell: (error: RingMQError) => void) {
    this.#handle = handle;
    this.#seats = new SeatTable(handle.seats);
    this.#control = new Ring(handle.log.ring).control;
    this.#nodePath = `${handle.dir.path}/meta/${NODE_FILE}`;
    this.#nodeIdentity = identityOf(this.#nodePath);
    this.#tell = tell;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** The disk has failed, or the directory is lost: nothing is written any more. */
  get isOver(): boolean {
    return Atomics.load(this.#control, WORD.fatal) !== 0;
  }

  /**
   * Takes the index roles and keeps them. A thread that is still attached may have published a batch in the last moment: if it
   * indexed that later, it could write index blocks into a directory which has another owner by then.
   */
  async endIndexing(seat: number): Promise<void> {
    for (const { indexRole } of [new Ring(this.#handle.log.ring), new Ring(this.#handle.memory.ring)]) {
      for (let tries = 0; tries < 1_000 && !indexRole.tryTake(seat); tries++) {
        await delay(1);
      }
    }
  }

  /** Told once: what follows from the first failure is not news. */
  fatal(error: unknown): void {
    if (this.#hasFailed) {
      return;
    }
    this.#hasFailed = true;
    let told = error;
    // A request that was refused for it may be told of before the thread that found it out.
    const isLost = Atomics.load(this.#control, WORD.fatal) === ESTALE;
    if (error instanceof RingMQError && (isLost || isStale(error.cause))) {
      told = this.#lostError(isStale(error.cause) ? (error.cause as Error).message : error.message);
      this.#end(ESTALE);
    }
    this.#tell(
      told instanceof RingMQError ? told : new RingMQError('INTERNAL', String(told), { cause: told }),
    );
  }

  /** The directory, or a file in use, was found to be another's, or gone. */
  lost(why: string): void {
    this.fatal(this.#lostError(why));
  }

  threadDied(which: string, error: Error): void {
    this.#end(ERRORS.INTERNAL.wire);
    this.fatal(new RingMQError('DISK_FAILED', `${which} died: ${error.message}`, { cause: error }));
  }

  /** The directory, or a file of it, is not there any more; tells of it where nobody did yet. */
  isLost(): boolean {
    const why = whyLost(this.#handle.dir);
    if (why !== undefined) {
      this.#end(ESTALE);
      this.lost(why);
    }
    return Atomics.load(this.#control, WORD.fatal) === ESTALE;
  }

  /** `meta/` is written now and then only: whether it still has its place is looked at as often as the log's is. */
  lookAfterMeta(): void {
    const path = this.#nodePath;
    try {
      checkInPlace(path, this.#nodeIdentity);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.fatal(new RingMQError('DISK_FAILED', `looking after ${path}: ${message}`, { cause: error }));
    }
  }

  /** `meta/node` was replaced by this broker itself. */
  nodeReplaced(): void {
    this.#nodeIdentity = identityOf(this.#nodePath);
  }

  /** Every thread that waits is to look again. */
  wakeAll(): void {
    for (let seat = 0; seat < this.#seats.maxThreads; seat++) {
      wake(this.#seats.control, this.#seats.parkedWord(seat));
    }
  }

  /** Of the directory as a whole where that has gone, as files of it have then, too. */
  #lostError(why: string): RingMQError {
    const { dir } = this.#handle;
    return new RingMQError('DATA_DIR_LOST', whyLost(dir) ?? why, { details: { dataDir: dir.path } });
  }

  /** Nothing is written any more, and whoever waits for an ack hears of it. */
  #end(errno: number): void {
    Atomics.compareExchange(this.#control, WORD.fatal, 0, errno);
    this.wakeAll();
  }
}
