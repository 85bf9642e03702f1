/** Log lines that a client can provoke: of each kind one a minute, with how many were left out. */
import { monotonicMs } from '../time/index.js';

const SILENCE_MS = 60_000;
/** More kinds than this in a minute share what is left. */
const MAX_KINDS = 32;

interface Kind {
  saidAt: number;
  leftOut: number;
}

export class RareTeller {
  readonly #say: (line: string) => void;
  readonly #now: () => number;
  readonly #kinds = new Map<string, Kind>();

  /** `now`: a clock that no step of the wall clock moves, in ms. */
  constructor(say: (line: string) => void, now: () => number = () => monotonicMs()) {
    this.#say = say;
    this.#now = now;
  }

  /** Says `line`, unless one of this kind was said within the last minute. */
  tell(kind: string, line: string): void {
    const now = this.#now();
    const known = this.#kinds.get(kind);
    if (known !== undefined && now - known.saidAt < SILENCE_MS) {
      known.leftOut++;
      return;
    }
    if (known === undefined && this.#kinds.size >= MAX_KINDS && !this.#forget(now)) {
      return;
    }
    this.#kinds.set(kind, { saidAt: now, leftOut: 0 });
    const left = known?.leftOut ?? 0;
    this.#say(left === 0 ? line : `${line} (${left} more like it since the last line)`);
  }

  /** True when there is room for another kind. */
  #forget(now: number): boolean {
    for (const [kind, { saidAt }] of this.#kinds) {
      if (now - saidAt >= SILENCE_MS) {
        this.#kinds.delete(kind);
      }
    }
    return this.#kinds.size < MAX_KINDS;
  }
}
