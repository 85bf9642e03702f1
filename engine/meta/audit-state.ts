/** The newest entries of administrative work, as the log has them: so many, and no older than so long. */
import type { AuditEntry } from '../../native-free/wire/index.js';

export class AuditState {
  /** More are forgotten, the oldest first. */
  maxCount = 10_000;
  /** Older ones are forgotten; 0: none for its age. */
  retentionMs = 0;
  /** The oldest first; those before `#first` are forgotten. */
  #entries: AuditEntry[] = [];
  #first = 0;
  #last = 0;

  /** Of the newest entry there ever was; 0: there was none. */
  get last(): number {
    return this.#last;
  }

  get size(): number {
    return this.#entries.length - this.#first;
  }

  /** One that is there already changes nothing. */
  add(entry: AuditEntry): void {
    if (entry.number <= this.#last) {
      return;
    }
    this.#last = entry.number;
    this.#entries.push(entry);
    this.#drop(this.size - this.maxCount);
  }

  /** Forgets what is too old by now. `now`: milliseconds since 1970. */
  expire(now: number): void {
    if (this.retentionMs === 0) {
      return;
    }
    let old = 0;
    // The newest stays: its number is what the next one's follows from.
    while (old < this.size - 1 && (this.#at(old).time ?? 0) < now - this.retentionMs) {
      old++;
    }
    this.#drop(old);
  }

  /** From the number on, the oldest first. */
  *from(number: number): Generator<AuditEntry> {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#at(middle).number < number) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    for (; low < this.size; low++) {
      yield this.#at(low);
    }
  }

  #at(index: number): AuditEntry {
    return this.#entries[this.#first + index] as AuditEntry;
  }

  #drop(count: number): void {
    if (count <= 0) {
      return;
    }
    this.#first += count;
    if (this.#first > 64 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}
