/**
 * What the persist worker tells of the disk: that the log has ended, that there is no room for it or room
 * again, what went wrong beside it. Other threads find some of that out and set shared words; the worker tells
 * each thing once.
 */
import { getSystemErrorName } from 'node:util';
import { ESTALE, isStale } from '../disk/opened-dir.js';
import { FULL } from '../log/persist-layout.js';
import { segmentName } from '../log/segment-files.js';
import { type Ring, WORD } from '../ring/index.js';
import type { PersistWorkerMessage } from './worker-messages.js';

export interface DiskNewsDeps {
  /** The log's. */
  readonly ring: Ring;
  readonly minFreeBytes: number;
  say(message: PersistWorkerMessage): void;
  /** Throws what is not where it was: the data directory, or a segment that is written to. */
  look(): void;
}

export class DiskNews {
  readonly #deps: DiskNewsDeps;
  /** The log's end has been told of. */
  fatalIsTold = false;
  /** The `full` word that has been. */
  #fullTold = 0;
  /** Segments whose loss has been told. */
  readonly #missing = new Set<string>();

  constructor(deps: DiskNewsDeps) {
    this.#deps = deps;
  }

  error(what: string, error: Error): void {
    this.fatalIsTold ||= this.#fatal() !== 0;
    this.#deps.say({
      type: 'diskError',
      what: `${what}: ${error.message}`,
      why: error.message,
      code: (error as NodeJS.ErrnoException).code ?? '',
    });
  }

  /**
   * Another thread may have met the failure, in its inline step: the worker is who tells of it. True when that
   * was news: all who wait for acks are to be woken.
   */
  tellFatal(): boolean {
    const fatal = this.#fatal();
    if (this.fatalIsTold || fatal === 0) {
      return false;
    }
    if (fatal === ESTALE) {
      this.error('looking after the data directory', this.#whyStale());
    } else {
      const code = getSystemErrorName(-fatal);
      this.error('writing the log', Object.assign(new Error(code), { code }));
    }
    return true;
  }

  tellFull(): void {
    const full = Atomics.load(this.#deps.ring.control, WORD.full);
    if (full !== 0 && this.#fullTold === 0) {
      this.#deps.say({ type: 'full', what: this.#shortageText(full) });
    } else if (full === 0 && this.#fullTold !== 0) {
      const isOfResources = (this.#fullTold & FULL.resources) !== 0;
      const what = isOfResources ? 'there are file descriptors and memory' : 'there is room on the disk';
      this.#deps.say({ type: 'room', what: `${what} again: sends are taken` });
    }
    this.#fullTold = full;
  }

  /**
   * Segments that were whole once and are not there any more, told once each: what they had is lost. `bases`:
   * of those that there should be. `names`: what is in the log's directory.
   */
  tellMissing(bases: Iterable<number>, names: ReadonlySet<string>): void {
    for (const base of bases) {
      const name = segmentName(base);
      if (!names.has(name) && !this.#missing.has(name)) {
        this.#missing.add(name);
        const why = `log/${name} was moved or removed: the messages in it cannot be read any more`;
        this.error('the log', Object.assign(new Error(why), { code: 'ENOENT' }));
      }
    }
  }

  #fatal(): number {
    return Atomics.load(this.#deps.ring.control, WORD.fatal);
  }

  /** What is not where it was, as far as it can be told now. */
  #whyStale(): Error {
    try {
      this.#deps.look();
    } catch (error) {
      if (isStale(error)) {
        return error as Error;
      }
    }
    // Node has no name for this code.
    return Object.assign(new Error('a segment of the log is not in its directory any more'), {
      code: 'ESTALE',
    });
  }

  #shortageText(full: number): string {
    if ((full & FULL.resources) !== 0) {
      return 'no file descriptor or no memory is left for the log: sends are refused until there is';
    }
    const isNearly = full === FULL.nearly;
    const what = isNearly
      ? `less than ${this.#deps.minFreeBytes} bytes are free on the disk`
      : 'the disk is full';
    return `${what}: sends are refused until there is room`;
  }
}
