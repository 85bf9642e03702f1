/** Keeps `meta/node` while the broker is open: what the directory is to be when it is opened again, a master's or a slave's, of which epoch, and followed by whom. */
import { type OpenedDir, OwnedDisk } from '../disk/index.js';
import { MAX_NODE_OPENINGS, MAX_NODE_SLAVES, NEVER_OWN, type NodeFacts, writeNode } from '../meta/index.js';

export class NodeKeeper {
  readonly #dir: OpenedDir;
  /** `meta/node` was replaced. */
  readonly #onReplaced: () => void;
  #facts: NodeFacts;

  /** `facts`: what the file says now. */
  constructor(facts: NodeFacts, dir: OpenedDir, onReplaced: () => void) {
    this.#facts = facts;
    this.#dir = dir;
    this.#onReplaced = onReplaced;
  }

  get facts(): NodeFacts {
    return this.#facts;
  }

  /** With a controller it takes part in its set in this opening from now on. @throws RingMQError disk errors */
  takePart(): void {
    if (!this.takesPart) {
      this.write({ ...this.#facts, openings: this.#openings() });
    }
  }

  /** It takes another's log from now on: the directory is a slave's until it is made the master. @throws RingMQError disk errors */
  becomeSlave(): void {
    if (this.#facts.ownFrom !== NEVER_OWN || !this.#facts.isLed) {
      this.write({ ...this.#facts, ownFrom: NEVER_OWN, isLed: true, openings: this.#openings() });
      return;
    }
    try {
      this.takePart();
    } catch {
      // A full disk keeps nobody from following: it says no opening then.
    }
  }

  /** That it takes part in this opening is noted. */
  get takesPart(): boolean {
    return this.#facts.openings.at(-1) === this.#dir.token;
  }

  #openings(): readonly string[] {
    const { openings } = this.#facts;
    return this.takesPart ? openings : [...openings, this.#dir.token].slice(-MAX_NODE_OPENINGS);
  }

  /** Who followed this master. What cannot be written now is not waited for when this is opened again. */
  writeSlaves(slaves: readonly string[]): void {
    try {
      this.write({ ...this.#facts, slaves: slaves.slice(-MAX_NODE_SLAVES) });
    } catch {
      // The disk has its own ways to be told of.
    }
  }

  /** Durable when it returns. @throws RingMQError disk errors */
  write(facts: NodeFacts): void {
    writeNode(new OwnedDisk(this.#dir), `${this.#dir.path}/meta`, facts);
    this.#facts = facts;
    this.#onReplaced();
  }
}
