/**
 * Lets new connections in, a few in a turn of the event loop. The first bytes of one are up to 64 KiB, which may be 1,400 HTTP requests: read
 * for dozens of connections in one turn, they would hold the thread for a second.
 */
import type { Server } from 'node:net';
import { setImmediate } from 'node:timers';

/** Let in in one turn. */
const MAX_LET_IN_COUNT = 1;

/** What waits to be let in. */
export interface Visitor {
  readonly destroyed: boolean;
}

export class Door {
  readonly #letIn: (visitor: Visitor) => void;
  #waiting: Visitor[] = [];
  #head = 0;
  #isDue = false;
  readonly #turn = (): void => {
    this.#isDue = false;
    this.#open();
  };

  /** `letIn` is called for each that has not gone meanwhile. */
  constructor(letIn: (visitor: Visitor) => void) {
    this.#letIn = letIn;
  }

  add(visitor: Visitor): void {
    this.#waiting.push(visitor);
    if (!this.#isDue) {
      this.#isDue = true;
      setImmediate(this.#turn);
    }
  }

  #open(): void {
    for (let count = 0; count < MAX_LET_IN_COUNT && this.#head < this.#waiting.length; ) {
      const visitor = this.#waiting[this.#head++] as Visitor;
      if (!visitor.destroyed) {
        count++;
        this.#letIn(visitor);
      }
    }
    if (this.#head === this.#waiting.length) {
      this.#waiting = [];
      this.#head = 0;
    } else {
      this.#isDue = true;
      setImmediate(this.#turn);
    }
  }
}

/** Puts a door before what a server does with its connections, which come by the event `name`. */
export function putDoor(server: Server, name: 'connection' | 'secureConnection'): void {
  const listeners = server.listeners(name);
  server.removeAllListeners(name);
  const door = new Door((visitor) => {
    for (const listener of listeners) {
      listener.call(server, visitor);
    }
  });
  server.on(name, (visitor: Visitor) => door.add(visitor));
}
