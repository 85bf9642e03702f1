/** Questions of the control plane to all threads, and their answers. A thread that is busy, or has died, is not waited for long. */
import { clearTimeout, setTimeout } from '../../native-free/time/index.js';
import type { ThreadAnswers } from './connections-view.js';

/** A thread that has not answered by then is silent. */
const ANSWER_MS = 2_000;

interface Asked {
  readonly left: Set<string>;
  readonly answers: unknown[];
  settle(): void;
}

export class ThreadQuestions {
  /** Ports of other threads, by name, with the seat that each is of. */
  readonly #ports = new Map<string, number>();
  readonly #asked = new Map<number, Asked>();
  #nextId = 1;

  opened(port: string, seat: number): void {
    this.#ports.set(port, seat);
  }

  /** A thread has gone: nobody waits for it. */
  gone(seat: number): void {
    for (const [port, itsSeat] of this.#ports) {
      if (itsSeat !== seat) {
        continue;
      }
      this.#ports.delete(port);
      for (const asked of this.#asked.values()) {
        this.#take(asked, port);
      }
    }
  }

  told(id: number, port: string, answer: unknown): void {
    const asked = this.#asked.get(id);
    if (asked?.left.has(port) === true) {
      asked.answers.push(answer);
      this.#take(asked, port);
    }
  }

  /** `post` sends the question with its number to all ports. */
  ask(own: readonly Promise<unknown>[], post: (id: number) => void): Promise<ThreadAnswers> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      let isSettled = false;
      const timer = setTimeout(() => asked.settle(), ANSWER_MS);
      const asked: Asked = {
        left: new Set(this.#ports.keys()),
        answers: [],
        settle: () => {
          if (isSettled) {
            return;
          }
          isSettled = true;
          clearTimeout(timer);
          this.#asked.delete(id);
          const silent = asked.left.size;
          Promise.all(own).then(
            (answers) => resolve({ answers: [...answers, ...asked.answers], silent }),
            () => resolve({ answers: asked.answers, silent: silent + 1 }),
          );
        },
      };
      this.#asked.set(id, asked);
      if (asked.left.size === 0) {
        asked.settle();
        return;
      }
      post(id);
    });
  }

  /** The broker is being closed: what is asked gets what has come. */
  close(): void {
    for (const asked of [...this.#asked.values()]) {
      asked.settle();
    }
  }

  #take(asked: Asked, port: string): void {
    if (asked.left.delete(port) && asked.left.size === 0) {
      asked.settle();
    }
  }
}
