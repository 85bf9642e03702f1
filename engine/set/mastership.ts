/** Whether this broker is its set's master, as the words say that all of its threads share, and what ends or changes that. */
import type { BrokerHandle } from '../handle.js';
import { SharedText } from '../term/shared-text.js';
import { ROLE } from '../term/shared-words.js';
import { Term } from '../term/term.js';

export interface MastershipDeps {
  warn(message: string, details: Record<string, unknown>): void;
  /** Another broker has become master of this one's set. */
  onFenced(masterUrl: string | null): void;
  /** What waits on any thread may go out. */
  wakeAll(): void;
}

export class Mastership {
  readonly term: Term;
  readonly #masterUrl: SharedText;
  readonly #brokerSet: string;
  readonly #deps: MastershipDeps;

  constructor(handle: BrokerHandle, deps: MastershipDeps) {
    this.term = new Term(new Int32Array(handle.brokerWords));
    this.#masterUrl = new SharedText(handle.masterUrl);
    this.#brokerSet = handle.brokerSet;
    this.#deps = deps;
  }

  /** The epoch that it is master of; null: it is none. */
  get leads(): number | null {
    return this.term.role === ROLE.master ? this.term.epoch : null;
  }

  /**
   * Another master of a higher epoch has taken over this broker's set: from now on it takes and acks nothing,
   * and says where that one is (null: it is not known). Reads go on.
   */
  fence(epoch: number, masterUrl: string | null): void {
    const { term } = this;
    if (term.role !== ROLE.master || epoch < term.epoch) {
      return;
    }
    this.standDown(masterUrl);
    const where = masterUrl === null ? '' : ` at ${masterUrl}`;
    this.#deps.warn(
      `another broker of the set '${this.#brokerSet}' has become master${where}, of epoch ${epoch}; this one, of epoch ${term.epoch}, takes no messages any more`,
      { epoch, master: masterUrl },
    );
    this.#deps.onFenced(masterUrl);
  }

  /** It is no master any more, and takes and acks nothing until it is opened again: a controller has said so. */
  standDown(masterUrl: string | null): void {
    this.setMasterUrl(masterUrl);
    this.term.setRole(ROLE.fenced);
  }

  /** For a controller: until when, by the monotonic clock, it may take and ack as master; -Infinity: not at all. */
  setLease(untilMs: number): void {
    const { term } = this;
    const wasHeld = term.isHeld;
    term.setLease(untilMs);
    if (!wasHeld && term.isHeld) {
      this.#deps.wakeAll();
    }
  }

  /** On a slave: where its master is, for whom it sends there. */
  setMasterUrl(url: string | null): void {
    this.#masterUrl.set(url);
  }
}
